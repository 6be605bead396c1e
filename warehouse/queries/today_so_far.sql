-- Today so far, against a day of your choice up to the same local time, for every measure, market by market.
--   headwater query --file warehouse/queries/today_so_far.sql --set against=2026-11-15
SELECT
  s.market,
  s.local_date,
  s.starts_at,
  s.until,
  COALESCE(SUM(k.created), 0) AS created,
  COALESCE(SUM(k.matched), 0) AS matched,
  COALESCE(SUM(k.completed), 0) AS completed,
  COALESCE(SUM(k.cancelled), 0) AS cancelled,
  COALESCE(SUM(k.revenue), 0) AS revenue,
  COALESCE(SUM(k.waiting_seconds), 0) AS waiting_seconds,
  CAST(SUM(k.waiting_seconds) AS DOUBLE) / NULLIF(SUM(k.matched), 0) AS average_wait_seconds
FROM calendar.so_far AS s
LEFT JOIN dm.kpi_minute AS k
  ON k.market = s.market AND k.minute_at >= s.starts_at AND k.minute_at < s.until
  AND k.minute_day BETWEEN CAST(s.starts_at AS DATE) AND CAST(s.until AS DATE)
WHERE s.days_ago = 0 OR s.local_date = $against
GROUP BY s.market, s.local_date, s.starts_at, s.until
ORDER BY s.market, s.local_date DESC
