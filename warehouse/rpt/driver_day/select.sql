-- A status holds until the driver's next one, four hours at most: a phone that has gone silent is not online for ever.
-- So the events of the four hours before the day count, too: who was online at midnight is online on both days.
WITH events AS (
  SELECT
    d.market, d.local_date, d.starts_at, d.ends_at, s.driver_id, s.status, s.occurred_at,
    ROW_NUMBER() OVER (
      PARTITION BY d.market, d.local_date, s.driver_id ORDER BY s.occurred_at, s.event_id
    ) AS place
  FROM dwd.driver_status AS s
  JOIN calendar.local_day AS d
    ON s.market = d.market AND s.occurred_at >= d.starts_at - INTERVAL '4' HOUR AND s.occurred_at < d.ends_at
    AND s.event_day BETWEEN CAST(d.starts_at - INTERVAL '4' HOUR AS DATE) AND CAST(d.ends_at AS DATE)
),
states AS (
  SELECT
    e.market, e.local_date, e.driver_id, e.status,
    CASE WHEN e.occurred_at > e.starts_at THEN e.occurred_at ELSE e.starts_at END AS begins_at,
    LEAST(e.occurred_at + INTERVAL '4' HOUR, COALESCE(n.occurred_at, e.ends_at), e.ends_at) AS ends_at
  FROM events AS e
  LEFT JOIN events AS n
    ON e.market = n.market AND e.local_date = n.local_date AND e.driver_id = n.driver_id AND n.place = e.place + 1
  WHERE e.status IN ('online', 'busy')
)
SELECT
  market, local_date, driver_id,
  SUM(online_seconds) AS online_seconds,
  SUM(busy_seconds) AS busy_seconds,
  SUM(trips) AS trips,
  SUM(revenue) AS revenue
FROM (
  SELECT
    market, local_date, driver_id,
    CAST(TIMESTAMPDIFF(SECOND, begins_at, ends_at) AS BIGINT) AS online_seconds,
    CASE
      WHEN status = 'busy' THEN CAST(TIMESTAMPDIFF(SECOND, begins_at, ends_at) AS BIGINT) ELSE CAST(0 AS BIGINT)
    END AS busy_seconds,
    CAST(0 AS BIGINT) AS trips, CAST(0 AS DECIMAL(12, 2)) AS revenue
  FROM states
  WHERE ends_at > begins_at

  UNION ALL
  SELECT
    d.market, d.local_date, o.driver_id,
    CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(1 AS BIGINT), COALESCE(o.price, CAST(0 AS DECIMAL(12, 2)))
  FROM dwd.orders AS o
  -- Orders are delivered within a week.
  JOIN calendar.local_day AS d
    ON o.market = d.market AND o.completed_at >= d.starts_at AND o.completed_at < d.ends_at
    AND o.order_day BETWEEN CAST(d.starts_at - INTERVAL '7' DAY AS DATE) AND CAST(d.ends_at AS DATE)
  WHERE o.driver_id IS NOT NULL
) AS done
GROUP BY market, local_date, driver_id
