-- What an engineer without the platform writes to get the same table as warehouse/dwd/orders:
-- typed Kafka tables, a table in a Paimon catalog with the same options, one INSERT of the three facts.
SET 'parallelism.default' = '1';
SET 'pipeline.object-reuse' = 'true';
SET 'table.local-time-zone' = 'UTC';
SET 'table.exec.sink.upsert-materialize' = 'NONE';
SET 'table.exec.source.idle-timeout' = '15 s';
SET 'pipeline.name' = 'bare orders';
SET 'execution.checkpointing.interval' = '${checkpoints}';
SET 'execution.checkpointing.dir' = '${state}';

CREATE CATALOG lake WITH ('type' = 'paimon', 'warehouse' = '${lake}');
CREATE DATABASE IF NOT EXISTS lake.dwd;

CREATE TABLE lake.dwd.orders (
  market STRING NOT NULL,
  order_day DATE NOT NULL,
  order_id BIGINT NOT NULL,
  user_id BIGINT,
  city STRING,
  area STRING,
  user_area STRING,
  vehicle_type STRING,
  status STRING,
  created_at TIMESTAMP_LTZ(3),
  completed_at TIMESTAMP_LTZ(3),
  cancelled_at TIMESTAMP_LTZ(3),
  updated_at TIMESTAMP_LTZ(3),
  price DECIMAL(12, 2),
  currency STRING,
  price_category STRING,
  coupon_id BIGINT,
  priced_at TIMESTAMP_LTZ(3),
  driver_id BIGINT,
  driver_area STRING,
  matched_at TIMESTAMP_LTZ(3),
  dispatched_at TIMESTAMP_LTZ(3),
  PRIMARY KEY (market, order_day, order_id) NOT ENFORCED
) PARTITIONED BY (market, order_day) WITH (
  'bucket' = '1',
  'merge-engine' = 'partial-update',
  'changelog-producer' = 'lookup',
  'changelog-producer.row-deduplicate' = 'true',
  'ignore-delete' = 'true',
  'fields.updated_at.sequence-group' = 'user_id,city,area,user_area,vehicle_type,status,created_at,completed_at,cancelled_at',
  'fields.priced_at.sequence-group' = 'price,currency,price_category,coupon_id',
  'fields.dispatched_at.sequence-group' = 'driver_id,driver_area,matched_at',
  'write-buffer-size' = '64 mb'
);

CREATE TEMPORARY TABLE orders (
  order_id BIGINT,
  market STRING,
  order_day DATE,
  user_id BIGINT,
  city STRING,
  area STRING,
  user_area STRING,
  vehicle_type STRING,
  status STRING,
  created_at TIMESTAMP_LTZ(3),
  completed_at TIMESTAMP_LTZ(3),
  cancelled_at TIMESTAMP_LTZ(3),
  updated_at TIMESTAMP_LTZ(3),
  WATERMARK FOR updated_at AS updated_at - INTERVAL '20' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${topics}ods.orders',
  'properties.bootstrap.servers' = '${kafka}',
  'properties.group.id' = '${group}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json',
  'debezium-json.ignore-parse-errors' = 'true',
  'debezium-json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TEMPORARY TABLE order_pricing (
  order_id BIGINT,
  market STRING,
  order_day DATE,
  created_at TIMESTAMP_LTZ(3),
  price DECIMAL(12, 2),
  currency STRING,
  price_category STRING,
  coupon_id BIGINT,
  priced_at TIMESTAMP_LTZ(3),
  WATERMARK FOR priced_at AS priced_at - INTERVAL '20' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${topics}ods.order_pricing',
  'properties.bootstrap.servers' = '${kafka}',
  'properties.group.id' = '${group}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json',
  'debezium-json.ignore-parse-errors' = 'true',
  'debezium-json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TEMPORARY TABLE order_dispatch (
  order_id BIGINT,
  market STRING,
  order_day DATE,
  created_at TIMESTAMP_LTZ(3),
  driver_id BIGINT,
  driver_area STRING,
  matched_at TIMESTAMP_LTZ(3),
  dispatched_at TIMESTAMP_LTZ(3),
  WATERMARK FOR dispatched_at AS dispatched_at - INTERVAL '20' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = '${topics}ods.order_dispatch',
  'properties.bootstrap.servers' = '${kafka}',
  'properties.group.id' = '${group}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'debezium-json',
  'debezium-json.ignore-parse-errors' = 'true',
  'debezium-json.timestamp-format.standard' = 'ISO-8601'
);

INSERT INTO lake.dwd.orders
SELECT
  market, order_day, order_id,
  user_id, city, area, user_area, vehicle_type, status, created_at, completed_at, cancelled_at,
  CAST(updated_at AS TIMESTAMP_LTZ(3)) AS updated_at,
  CAST(NULL AS DECIMAL(12, 2)) AS price, CAST(NULL AS STRING) AS currency, CAST(NULL AS STRING) AS price_category,
  CAST(NULL AS BIGINT) AS coupon_id, CAST(NULL AS TIMESTAMP_LTZ(3)) AS priced_at,
  CAST(NULL AS BIGINT) AS driver_id, CAST(NULL AS STRING) AS driver_area, CAST(NULL AS TIMESTAMP_LTZ(3)) AS matched_at,
  CAST(NULL AS TIMESTAMP_LTZ(3)) AS dispatched_at
FROM orders
UNION ALL
SELECT
  market, order_day, order_id,
  CAST(NULL AS BIGINT), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING),
  CAST(NULL AS STRING), CAST(NULL AS STRING),
  CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS TIMESTAMP_LTZ(3)),
  CAST(NULL AS TIMESTAMP_LTZ(3)),
  price, currency, price_category, coupon_id, CAST(priced_at AS TIMESTAMP_LTZ(3)),
  CAST(NULL AS BIGINT), CAST(NULL AS STRING), CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS TIMESTAMP_LTZ(3))
FROM order_pricing
UNION ALL
SELECT
  market, order_day, order_id,
  CAST(NULL AS BIGINT), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING),
  CAST(NULL AS STRING), CAST(NULL AS STRING),
  CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS TIMESTAMP_LTZ(3)),
  CAST(NULL AS TIMESTAMP_LTZ(3)),
  CAST(NULL AS DECIMAL(12, 2)), CAST(NULL AS STRING), CAST(NULL AS STRING),
  CAST(NULL AS BIGINT), CAST(NULL AS TIMESTAMP_LTZ(3)),
  driver_id, driver_area, matched_at, CAST(dispatched_at AS TIMESTAMP_LTZ(3))
FROM order_dispatch;
