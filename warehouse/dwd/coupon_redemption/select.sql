SELECT
  market,
  CAST(occurred_at AS DATE) AS event_day,
  event_id, campaign, coupon_id, user_id, order_id, action, amount, occurred_at
FROM ods.coupon_redemption
