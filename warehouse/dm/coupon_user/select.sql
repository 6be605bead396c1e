-- In all, and without state_ttl: a limit per user holds for as long as there is one. The state is a small row for each
-- user who has ever used a coupon.
SELECT
  market, user_id,
  SUM(CASE WHEN action = 'returned' THEN CAST(-1 AS BIGINT) ELSE CAST(1 AS BIGINT) END) AS redemptions,
  SUM(CASE WHEN action = 'returned' THEN -amount ELSE amount END) AS amount
FROM dwd.coupon_redemption
WHERE action IN ('redeemed', 'returned')
GROUP BY market, user_id
