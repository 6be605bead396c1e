-- An order counts in its own quarter of an hour, and in the three after it as part of their hour. It is taken out of all
-- four and put in anew with whatever becomes of it: a window would drop a cancellation that comes after it has closed.
-- Only quarters with an order of their own have a row, so the newest one is that of the user's last order.
WITH taken AS (
  SELECT
    market, user_id,
    CASE
      WHEN created_at < FLOOR(created_at TO HOUR) + INTERVAL '15' MINUTE THEN FLOOR(created_at TO HOUR)
      WHEN created_at < FLOOR(created_at TO HOUR) + INTERVAL '30' MINUTE THEN FLOOR(created_at TO HOUR) + INTERVAL '15' MINUTE
      WHEN created_at < FLOOR(created_at TO HOUR) + INTERVAL '45' MINUTE THEN FLOOR(created_at TO HOUR) + INTERVAL '30' MINUTE
      ELSE FLOOR(created_at TO HOUR) + INTERVAL '45' MINUTE
    END AS quarter_at,
    CASE WHEN cancelled_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS cancelled,
    CASE WHEN user_area <> area THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS mismatched
  FROM dwd.orders
  WHERE created_at IS NOT NULL AND user_id IS NOT NULL
)
SELECT
  CAST(quarter_at AS DATE) AS quarter_day,
  market, user_id, quarter_at,
  SUM(own) AS orders,
  COUNT(*) AS orders_hour,
  SUM(cancelled) AS cancelled_hour,
  SUM(mismatched) AS mismatched_hour
FROM (
  SELECT market, user_id, quarter_at, CAST(1 AS BIGINT) AS own, cancelled, mismatched
  FROM taken

  UNION ALL
  SELECT market, user_id, quarter_at + INTERVAL '15' MINUTE AS quarter_at, CAST(0 AS BIGINT) AS own, cancelled, mismatched
  FROM taken

  UNION ALL
  SELECT market, user_id, quarter_at + INTERVAL '30' MINUTE AS quarter_at, CAST(0 AS BIGINT) AS own, cancelled, mismatched
  FROM taken

  UNION ALL
  SELECT market, user_id, quarter_at + INTERVAL '45' MINUTE AS quarter_at, CAST(0 AS BIGINT) AS own, cancelled, mismatched
  FROM taken
)
GROUP BY market, user_id, quarter_at
HAVING SUM(own) > 0
