SELECT
  market, order_day, order_id,
  driver_id, driver_area, matched_at, dispatched_at
FROM ods.order_dispatch
