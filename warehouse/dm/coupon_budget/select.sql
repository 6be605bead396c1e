-- In all, not by day: a budget is of the campaign. No state_ttl, since a campaign that rests must not begin again at 0;
-- the state is a row for each campaign, however many coupons there are.
SELECT
  market, campaign,
  SUM(CASE WHEN action = 'redeemed' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS redeemed,
  SUM(CASE WHEN action = 'returned' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS returned,
  SUM(CASE WHEN action = 'returned' THEN -amount ELSE amount END) AS spent
FROM dwd.coupon_redemption
WHERE action IN ('redeemed', 'returned')
GROUP BY market, campaign
