CREATE DATABASE IF NOT EXISTS `ods`;

CREATE TEMPORARY TABLE `ods`.`left__raw:left-topic` (
  `bytes` BYTES,
  `payload` AS DECODE(`bytes`, 'UTF-8'),
  `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
  `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
  `received_at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'format' = 'raw',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.fetch.max.wait.ms' = '100',
  'properties.fetch.min.bytes' = '65536',
  'properties.group.id' = 'headwater.ods.rejected',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'topic' = 'left-topic'
);

CREATE TEMPORARY TABLE `ods`.`right__raw:right-topic` (
  `bytes` BYTES,
  `payload` AS DECODE(`bytes`, 'UTF-8'),
  `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,
  `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,
  `received_at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'format' = 'raw',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.fetch.max.wait.ms' = '100',
  'properties.fetch.min.bytes' = '65536',
  'properties.group.id' = 'headwater.ods.rejected',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'topic' = 'right-topic'
);

CREATE TEMPORARY TABLE `ods`.`rejected` (
  `source` STRING NOT NULL,
  `kafka_partition` INT NOT NULL,
  `kafka_offset` BIGINT NOT NULL,
  `reason` STRING,
  `payload` STRING,
  `received_at` TIMESTAMP_LTZ(3),
  PRIMARY KEY (`source`, `kafka_partition`, `kafka_offset`) NOT ENFORCED
) WITH (
  'connector' = 'paimon',
  'path' = 'file:///lake/ods.db/rejected',
  'sink.committer-operator-chaining' = 'false',
  'sink.operator-uid.suffix' = 'ods.rejected',
  'write-buffer-size' = '64 mb'
);

INSERT INTO `ods`.`rejected` (`source`, `kafka_partition`, `kafka_offset`, `reason`, `payload`, `received_at`)
SELECT CAST(`source` AS STRING) AS `source`,
  CAST(`kafka_partition` AS INT) AS `kafka_partition`,
  CAST(`kafka_offset` AS BIGINT) AS `kafka_offset`,
  CAST(`reason` AS STRING) AS `reason`,
  CAST(`payload` AS STRING) AS `payload`,
  CAST(`received_at` AS TIMESTAMP_LTZ(3)) AS `received_at`
FROM (
SELECT 'ods.left' AS source, kafka_partition, kafka_offset, reason, payload, received_at
FROM (
  SELECT *, CASE
    WHEN payload IS NOT JSON OBJECT THEN 'not_json'
    WHEN POSITION('�' IN payload) > 0 THEN 'not_utf8'
    WHEN JSON_VALUE(payload, '$.id') IS NULL AND JSON_QUERY(payload, '$.id') IS NULL THEN 'missing:id'
    WHEN JSON_VALUE(payload, '$.id') IS NULL AND JSON_QUERY(payload, '$.id') IS NOT NULL OR JSON_VALUE(payload, '$.id') IS NOT NULL AND NOT (REGEXP(JSON_VALUE(payload, '$.id'), '^ *[+-]?[0-9]+ *$') AND TRY_CAST(JSON_VALUE(payload, '$.id') AS BIGINT) IS NOT NULL) THEN 'type:id'
    WHEN JSON_VALUE(payload, '$.amount') IS NULL AND JSON_QUERY(payload, '$.amount') IS NOT NULL OR JSON_VALUE(payload, '$.amount') IS NOT NULL AND NOT (REGEXP(JSON_VALUE(payload, '$.amount'), '^ *[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)? *$') AND TRY_CAST(JSON_VALUE(payload, '$.amount') AS DECIMAL(12, 2)) IS NOT NULL) THEN 'type:amount'
    WHEN JSON_VALUE(payload, '$.left_at') IS NULL AND JSON_QUERY(payload, '$.left_at') IS NULL THEN 'missing:left_at'
    WHEN JSON_VALUE(payload, '$.left_at') IS NULL AND JSON_QUERY(payload, '$.left_at') IS NOT NULL OR JSON_VALUE(payload, '$.left_at') IS NOT NULL AND NOT REGEXP(JSON_VALUE(payload, '$.left_at'), '^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,9})?Z$') THEN 'type:left_at'
    ELSE CAST(NULL AS STRING)
  END AS reason
  FROM `ods`.`left__raw:left-topic`
  WHERE payload IS NOT NULL
)
WHERE reason IS NOT NULL
) AS `flow`
UNION ALL
SELECT CAST(`source` AS STRING) AS `source`,
  CAST(`kafka_partition` AS INT) AS `kafka_partition`,
  CAST(`kafka_offset` AS BIGINT) AS `kafka_offset`,
  CAST(`reason` AS STRING) AS `reason`,
  CAST(`payload` AS STRING) AS `payload`,
  CAST(`received_at` AS TIMESTAMP_LTZ(3)) AS `received_at`
FROM (
SELECT 'ods.right' AS source, kafka_partition, kafka_offset, reason, payload, received_at
FROM (
  SELECT *, CASE
    WHEN payload IS NOT JSON OBJECT THEN 'not_json'
    WHEN POSITION('�' IN payload) > 0 THEN 'not_utf8'
    WHEN JSON_VALUE(payload, '$.op') = 'd' THEN CAST(NULL AS STRING)
    WHEN COALESCE(JSON_VALUE(payload, '$.op'), '') NOT IN ('c', 'r', 'u') OR JSON_QUERY(payload, '$.after') IS NULL OR (JSON_VALUE(payload, '$.op') = 'u' AND JSON_QUERY(payload, '$.before') IS NULL) THEN 'wrong_shape'
    WHEN JSON_VALUE(payload, '$.after.id') IS NULL AND JSON_QUERY(payload, '$.after.id') IS NULL THEN 'missing:id'
    WHEN JSON_VALUE(payload, '$.after.id') IS NULL AND JSON_QUERY(payload, '$.after.id') IS NOT NULL OR JSON_VALUE(payload, '$.after.id') IS NOT NULL AND NOT (REGEXP(JSON_VALUE(payload, '$.after.id'), '^ *[+-]?[0-9]+ *$') AND TRY_CAST(JSON_VALUE(payload, '$.after.id') AS BIGINT) IS NOT NULL) THEN 'type:id'
    WHEN JSON_VALUE(payload, '$.after.right_at') IS NULL AND JSON_QUERY(payload, '$.after.right_at') IS NULL THEN 'missing:right_at'
    WHEN JSON_VALUE(payload, '$.after.right_at') IS NULL AND JSON_QUERY(payload, '$.after.right_at') IS NOT NULL OR JSON_VALUE(payload, '$.after.right_at') IS NOT NULL AND NOT REGEXP(JSON_VALUE(payload, '$.after.right_at'), '^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)T([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,9})?Z$') THEN 'type:right_at'
    ELSE CAST(NULL AS STRING)
  END AS reason
  FROM `ods`.`right__raw:right-topic`
  WHERE payload IS NOT NULL
)
WHERE reason IS NOT NULL
) AS `flow`;
