CREATE DATABASE IF NOT EXISTS `dwd`;

CREATE DATABASE IF NOT EXISTS `dm`;

CREATE TEMPORARY TABLE `dwd`.`things__bound` (
  `id` BIGINT NOT NULL,
  `amount` DECIMAL(12, 2),
  `left_at` TIMESTAMP_LTZ(3),
  `note` STRING,
  `right_at` TIMESTAMP_LTZ(3),
  PRIMARY KEY (`id`) NOT ENFORCED,
  WATERMARK FOR `left_at` AS `left_at` - INTERVAL '0 00:00:20.000' DAY TO SECOND(3)
) WITH (
  'connector' = 'paimon',
  'consumer-id' = 'dm.counts',
  'consumer.expiration-time' = '7 d',
  'consumer.ignore-progress' = 'true',
  'consumer.mode' = 'at-least-once',
  'continuous.discovery-interval' = '500 ms',
  'path' = 'file:///lake/dwd.db/things',
  'scan.mode' = 'latest-full',
  'scan.watermark.emit.strategy' = 'on-event',
  'scan.watermark.idle-timeout' = '15000 ms',
  'source.operator-uid.suffix' = 'dm.counts.dwd.things'
);

CREATE TEMPORARY VIEW `dwd`.`things` AS SELECT `id`,
  `amount`,
  CAST(`left_at` AS TIMESTAMP_LTZ(3)) AS `left_at`,
  `note`,
  `right_at`
FROM `dwd`.`things__bound`;

CREATE TEMPORARY TABLE `dm`.`counts` (
  `note` STRING NOT NULL,
  `things` BIGINT,
  PRIMARY KEY (`note`) NOT ENFORCED
) WITH (
  'connector' = 'paimon',
  'path' = 'file:///lake/dm.db/counts',
  'sink.committer-operator-chaining' = 'false',
  'sink.operator-uid.suffix' = 'dm.counts',
  'write-buffer-size' = '64 mb'
);

CREATE TEMPORARY TABLE `dm`.`counts__topic` (
  `note` STRING NOT NULL,
  `things` BIGINT,
  PRIMARY KEY (`note`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'key.format' = 'json',
  'key.json.encode.decimal-as-plain-number' = 'true',
  'key.json.timestamp-format.standard' = 'ISO-8601',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.compression.type' = 'lz4',
  'sink.buffer-flush.interval' = '1 s',
  'sink.buffer-flush.max-rows' = '1000',
  'topic' = 'dm.counts',
  'value.format' = 'json',
  'value.json.encode.decimal-as-plain-number' = 'true',
  'value.json.timestamp-format.standard' = 'ISO-8601'
);

STATEMENT SET BEGIN
INSERT INTO `dm`.`counts` (`note`, `things`)
SELECT CAST(`note` AS STRING) AS `note`,
  CAST(`things` AS BIGINT) AS `things`
FROM (
SELECT note, COUNT(*) AS things FROM dwd.things GROUP BY note
) AS `flow`;
INSERT INTO `dm`.`counts__topic` (`note`, `things`)
SELECT CAST(`note` AS STRING) AS `note`,
  CAST(`things` AS BIGINT) AS `things`
FROM (
SELECT note, COUNT(*) AS things FROM dwd.things GROUP BY note
) AS `flow`;
END;
