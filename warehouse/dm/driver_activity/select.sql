SELECT
  market,
  CAST(window_start AS TIMESTAMP_LTZ(3)) AS window_start,
  CAST(window_end AS TIMESTAMP_LTZ(3)) AS window_end,
  status,
  COUNT(DISTINCT event_id) AS events,
  COUNT(DISTINCT driver_id) AS drivers
FROM TABLE(TUMBLE(TABLE ods.driver_status, DESCRIPTOR(occurred_at), INTERVAL '5' MINUTE))
GROUP BY window_start, window_end, market, status
