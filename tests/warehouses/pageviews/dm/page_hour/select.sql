WITH timed AS (
  SELECT site, page, FLOOR(viewed_at TO HOUR) AS hour_at, seconds
  FROM dwd.page_views
)
SELECT site, page, hour_at, COUNT(*) AS `views`, AVG(CAST(seconds AS DOUBLE)) AS average_seconds
FROM timed
GROUP BY site, page, hour_at
