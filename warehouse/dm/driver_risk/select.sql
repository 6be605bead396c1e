-- As dm.user_risk, by the driver who has the order now: one that is given to another driver leaves the first one's row.
WITH taken AS (
  SELECT
    market, driver_id,
    CASE
      WHEN matched_at < FLOOR(matched_at TO HOUR) + INTERVAL '15' MINUTE THEN FLOOR(matched_at TO HOUR)
      WHEN matched_at < FLOOR(matched_at TO HOUR) + INTERVAL '30' MINUTE THEN FLOOR(matched_at TO HOUR) + INTERVAL '15' MINUTE
      WHEN matched_at < FLOOR(matched_at TO HOUR) + INTERVAL '45' MINUTE THEN FLOOR(matched_at TO HOUR) + INTERVAL '30' MINUTE
      ELSE FLOOR(matched_at TO HOUR) + INTERVAL '45' MINUTE
    END AS quarter_at,
    CASE WHEN cancelled_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS cancelled,
    CASE WHEN driver_area <> area THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS mismatched
  FROM dwd.orders
  WHERE matched_at IS NOT NULL AND driver_id IS NOT NULL
)
SELECT
  CAST(quarter_at AS DATE) AS quarter_day,
  market, driver_id, quarter_at,
  SUM(own) AS taken,
  COUNT(*) AS taken_hour,
  SUM(cancelled) AS cancelled_hour,
  SUM(mismatched) AS mismatched_hour
FROM (
  SELECT market, driver_id, quarter_at, CAST(1 AS BIGINT) AS own, cancelled, mismatched
  FROM taken

  UNION ALL
  SELECT market, driver_id, quarter_at + INTERVAL '15' MINUTE AS quarter_at, CAST(0 AS BIGINT) AS own, cancelled, mismatched
  FROM taken

  UNION ALL
  SELECT market, driver_id, quarter_at + INTERVAL '30' MINUTE AS quarter_at, CAST(0 AS BIGINT) AS own, cancelled, mismatched
  FROM taken

  UNION ALL
  SELECT market, driver_id, quarter_at + INTERVAL '45' MINUTE AS quarter_at, CAST(0 AS BIGINT) AS own, cancelled, mismatched
  FROM taken
)
GROUP BY market, driver_id, quarter_at
HAVING SUM(own) > 0
