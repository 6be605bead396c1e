SELECT
  market,
  CAST(occurred_at AS DATE) AS event_day,
  event_id, driver_id, city, area, status, vehicle_type, occurred_at
FROM ods.driver_status
