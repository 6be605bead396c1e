SELECT
  d.market,
  d.local_date,
  COALESCE(o.price_category, 'unpriced') AS price_category,
  COALESCE(o.vehicle_type, 'unknown') AS vehicle_type,
  COUNT(*) AS created,
  COUNT(o.completed_at) AS completed,
  COUNT(o.cancelled_at) AS cancelled,
  SUM(CASE WHEN o.completed_at IS NOT NULL AND o.price IS NOT NULL THEN o.price ELSE CAST(0 AS DECIMAL(12, 2)) END) AS revenue,
  AVG(CAST(TIMESTAMPDIFF(SECOND, o.created_at, o.matched_at) AS DOUBLE)) AS average_wait_seconds
FROM dwd.orders AS o
JOIN calendar.local_day AS d
  ON o.market = d.market AND o.created_at >= d.starts_at AND o.created_at < d.ends_at
GROUP BY
  d.market, d.local_date,
  COALESCE(o.price_category, 'unpriced'), COALESCE(o.vehicle_type, 'unknown')
