-- The report adds up the very minutes that the dashboard shows: what happened on the market's own local day.
SELECT
  d.market,
  d.local_date,
  k.price_category,
  k.vehicle_type,
  SUM(k.created) AS created,
  SUM(k.matched) AS matched,
  SUM(k.completed) AS completed,
  SUM(k.cancelled) AS cancelled,
  SUM(k.revenue) AS revenue,
  CAST(SUM(k.waiting_seconds) AS DOUBLE) / NULLIF(SUM(k.matched), 0) AS average_wait_seconds
FROM dm.kpi_minute AS k
JOIN calendar.local_day AS d
  ON k.market = d.market AND k.minute_at >= d.starts_at AND k.minute_at < d.ends_at
  AND k.minute_day BETWEEN CAST(d.starts_at AS DATE) AND CAST(d.ends_at AS DATE)
GROUP BY d.market, d.local_date, k.price_category, k.vehicle_type
