-- A match or a completion happens minutes after the order and belongs to its own minute, so each time column
-- has a branch. No window: a window that has closed would drop later updates of its rows without a word.
SELECT
  CAST(minute_at AS DATE) AS minute_day,
  market, minute_at, price_category, vehicle_type,
  SUM(created) AS created,
  SUM(matched) AS matched,
  SUM(completed) AS completed,
  SUM(cancelled) AS cancelled,
  SUM(revenue) AS revenue,
  SUM(waiting_seconds) AS waiting_seconds
FROM (
  SELECT
    market, FLOOR(created_at TO MINUTE) AS minute_at,
    COALESCE(price_category, 'unpriced') AS price_category, COALESCE(vehicle_type, 'unknown') AS vehicle_type,
    CAST(1 AS BIGINT) AS created, CAST(0 AS BIGINT) AS matched,
    CAST(0 AS BIGINT) AS completed, CAST(0 AS BIGINT) AS cancelled,
    CAST(0 AS DECIMAL(12, 2)) AS revenue, CAST(0 AS BIGINT) AS waiting_seconds
  FROM dwd.orders
  WHERE created_at IS NOT NULL

  UNION ALL
  SELECT
    market, FLOOR(matched_at TO MINUTE),
    COALESCE(price_category, 'unpriced'), COALESCE(vehicle_type, 'unknown'),
    CAST(0 AS BIGINT), CAST(1 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT),
    CAST(0 AS DECIMAL(12, 2)), COALESCE(CAST(TIMESTAMPDIFF(SECOND, created_at, matched_at) AS BIGINT), 0)
  FROM dwd.orders
  WHERE matched_at IS NOT NULL

  UNION ALL
  SELECT
    market, FLOOR(completed_at TO MINUTE),
    COALESCE(price_category, 'unpriced'), COALESCE(vehicle_type, 'unknown'),
    CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(1 AS BIGINT), CAST(0 AS BIGINT),
    COALESCE(price, CAST(0 AS DECIMAL(12, 2))), CAST(0 AS BIGINT)
  FROM dwd.orders
  WHERE completed_at IS NOT NULL

  UNION ALL
  SELECT
    market, FLOOR(cancelled_at TO MINUTE),
    COALESCE(price_category, 'unpriced'), COALESCE(vehicle_type, 'unknown'),
    CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(1 AS BIGINT),
    CAST(0 AS DECIMAL(12, 2)), CAST(0 AS BIGINT)
  FROM dwd.orders
  WHERE cancelled_at IS NOT NULL
)
GROUP BY market, minute_at, price_category, vehicle_type
