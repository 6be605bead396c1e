SELECT
  market, order_day, order_id,
  price, currency, price_category, coupon_id, priced_at
FROM ods.order_pricing
