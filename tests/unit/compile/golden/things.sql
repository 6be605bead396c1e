CREATE DATABASE IF NOT EXISTS `ods`;

CREATE DATABASE IF NOT EXISTS `dwd`;

CREATE TEMPORARY TABLE `ods`.`left__bound:left-topic` (
  `id` BIGINT,
  `amount` STRING,
  `kind` STRING,
  `left_at` TIMESTAMP_LTZ(3),
  WATERMARK FOR `left_at` AS `left_at` - INTERVAL '0 00:00:20.000' DAY TO SECOND(3)
) WITH (
  'connector' = 'kafka',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true',
  'json.timestamp-format.standard' = 'ISO-8601',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.fetch.max.wait.ms' = '100',
  'properties.fetch.min.bytes' = '65536',
  'properties.group.id' = 'headwater.dwd.things',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '15000 ms',
  'topic' = 'left-topic'
);

CREATE TEMPORARY VIEW `ods`.`left` AS SELECT `id`,
  TRY_CAST(`amount` AS DECIMAL(12, 2)) AS `amount`,
  `kind`,
  CAST(`left_at` AS TIMESTAMP_LTZ(3)) AS `left_at`
FROM `ods`.`left__bound:left-topic`
WHERE `id` IS NOT NULL
  AND (`amount` IS NULL OR (REGEXP(`amount`, '^ *[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)? *$') AND TRY_CAST(`amount` AS DECIMAL(12, 2)) IS NOT NULL))
  AND `left_at` IS NOT NULL;

CREATE TEMPORARY TABLE `ods`.`right__bound:right-topic` (
  `op` STRING,
  `before` ROW<`id` STRING>,
  `after` ROW<`id` BIGINT, `note` STRING, `right_at` TIMESTAMP_LTZ(3)>
) WITH (
  'connector' = 'kafka',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true',
  'json.timestamp-format.standard' = 'ISO-8601',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.fetch.max.wait.ms' = '100',
  'properties.fetch.min.bytes' = '65536',
  'properties.group.id' = 'headwater.dwd.things',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'topic' = 'right-topic'
);

CREATE TEMPORARY VIEW `ods`.`right` AS SELECT `after`.`id` AS `id`,
  `after`.`note` AS `note`,
  `after`.`right_at` AS `right_at`
FROM `ods`.`right__bound:right-topic`
WHERE `after` IS NOT NULL AND (`op` IN ('c', 'r') OR `op` = 'u' AND `before` IS NOT NULL)
  AND `after`.`id` IS NOT NULL
  AND `after`.`right_at` IS NOT NULL;

CREATE TEMPORARY TABLE `dwd`.`things` (
  `id` BIGINT NOT NULL,
  `amount` DECIMAL(12, 2),
  `left_at` TIMESTAMP_LTZ(3),
  `note` STRING,
  `right_at` TIMESTAMP_LTZ(3),
  PRIMARY KEY (`id`) NOT ENFORCED
) WITH (
  'connector' = 'paimon',
  'path' = 'file:///lake/dwd.db/things',
  'sink.committer-operator-chaining' = 'false',
  'sink.operator-uid.suffix' = 'dwd.things',
  'write-buffer-size' = '64 mb'
);

INSERT INTO `dwd`.`things` (`id`, `amount`, `left_at`, `note`, `right_at`)
SELECT CAST(`id` AS BIGINT) AS `id`,
  CAST(`amount` AS DECIMAL(12, 2)) AS `amount`,
  CAST(`left_at` AS TIMESTAMP_LTZ(3)) AS `left_at`,
  CAST(NULL AS STRING) AS `note`,
  CAST(NULL AS TIMESTAMP_LTZ(3)) AS `right_at`
FROM (
SELECT id, amount, left_at FROM ods.`left`
) AS `flow`
UNION ALL
SELECT CAST(`id` AS BIGINT) AS `id`,
  CAST(NULL AS DECIMAL(12, 2)) AS `amount`,
  CAST(NULL AS TIMESTAMP_LTZ(3)) AS `left_at`,
  CAST(`note` AS STRING) AS `note`,
  CAST(`right_at` AS TIMESTAMP_LTZ(3)) AS `right_at`
FROM (
SELECT id, note, right_at FROM ods.`right`
) AS `flow`;
