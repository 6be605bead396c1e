SELECT
  site,
  CAST(window_start AS TIMESTAMP_LTZ(3)) AS window_start,
  COUNT(*) AS `views`,
  COUNT(DISTINCT visitor) AS visitors,
  SUM(CAST(seconds AS BIGINT)) AS seconds
FROM TABLE(TUMBLE(TABLE ods.page_views, DESCRIPTOR(viewed_at), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, site
