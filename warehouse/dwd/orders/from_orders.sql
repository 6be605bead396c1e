SELECT
  market, order_day, order_id,
  user_id, city, area, user_area, vehicle_type, status,
  created_at, completed_at, cancelled_at, updated_at
FROM ods.orders
