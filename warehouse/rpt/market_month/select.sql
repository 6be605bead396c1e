-- From the days' reports, so that a month is the sum of its days as they were published, corrections included.
SELECT
  market, local_month,
  COUNT(DISTINCT local_date) AS days,
  SUM(created) AS created,
  SUM(matched) AS matched,
  SUM(completed) AS completed,
  SUM(cancelled) AS cancelled,
  SUM(revenue) AS revenue,
  COUNT(DISTINCT driver_id) AS drivers,
  SUM(online_seconds) AS online_seconds
FROM (
  SELECT
    m.market, m.local_month, o.local_date, o.created, o.matched, o.completed, o.cancelled, o.revenue,
    CAST(NULL AS BIGINT) AS driver_id, CAST(0 AS BIGINT) AS online_seconds
  FROM rpt.daily_orders AS o
  JOIN calendar.local_month AS m
    ON o.market = m.market AND o.local_date BETWEEN m.local_month AND m.last_date

  UNION ALL
  SELECT
    m.market, m.local_month, d.local_date,
    CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS DECIMAL(38, 2)),
    CASE WHEN d.trips > 0 THEN d.driver_id ELSE CAST(NULL AS BIGINT) END, d.online_seconds
  FROM rpt.driver_day AS d
  JOIN calendar.local_month AS m
    ON d.market = m.market AND d.local_date BETWEEN m.local_month AND m.last_date
) AS days
GROUP BY market, local_month
