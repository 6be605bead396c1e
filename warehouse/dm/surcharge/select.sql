-- Straight from the apps' events: a window needs its rows in about the order of time, and a table's changelog comes in
-- the order of its key. An event that was sent twice, or a driver who says the same twice, counts once.
WITH told AS (
  SELECT market, area, vehicle_type, requested_at AS told_at, event_id AS request, CAST(NULL AS BIGINT) AS driver
  FROM ods.order_request

  UNION ALL
  SELECT market, area, vehicle_type, occurred_at, CAST(NULL AS BIGINT), driver_id
  FROM ods.driver_status
  WHERE status = 'online' AND area IS NOT NULL AND vehicle_type IS NOT NULL
),
balance AS (
  SELECT
    market, area, vehicle_type, window_end AS until, window_time AS until_time,
    COUNT(DISTINCT request) AS demand,
    COUNT(DISTINCT driver) AS supply
  FROM TABLE(HOP(TABLE told, DESCRIPTOR(told_at), INTERVAL '1' MINUTE, INTERVAL '5' MINUTE))
  GROUP BY window_start, window_end, window_time, market, area, vehicle_type
),
-- In hundredths above 1.00: a quarter for each request beyond the first per driver, none below one, 1.50 at most.
scored AS (
  SELECT
    market, area, vehicle_type, until, until_time, demand, supply,
    LEAST(CAST(150 AS BIGINT), GREATEST(CAST(0 AS BIGINT), 25 * demand / GREATEST(supply, CAST(1 AS BIGINT)) - 25)) AS extra
  FROM balance
)
-- Smoothed: this window counts three, the one before two, the one before that one. A window without events has no row
-- and counts as 1.00, so an area that falls silent comes down in two steps.
SELECT
  CAST(window_end AS DATE) AS window_day,
  market, area, vehicle_type,
  CAST(window_end AS TIMESTAMP_LTZ(3)) AS window_end,
  SUM(CASE WHEN until = window_end THEN demand ELSE CAST(0 AS BIGINT) END) AS demand,
  SUM(CASE WHEN until = window_end THEN supply ELSE CAST(0 AS BIGINT) END) AS supply,
  CAST(
    CAST(
      100 + SUM(
        CASE WHEN until = window_end THEN 3 * extra WHEN until = window_end - INTERVAL '1' MINUTE THEN 2 * extra ELSE extra END
      ) / 6 AS DECIMAL(6, 0)
    ) * 0.01 AS DECIMAL(4, 2)
  ) AS multiplier
FROM TABLE(HOP(TABLE scored, DESCRIPTOR(until_time), INTERVAL '1' MINUTE, INTERVAL '3' MINUTE))
GROUP BY window_start, window_end, market, area, vehicle_type
