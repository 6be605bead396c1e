SELECT market, order_id, price
FROM dwd.orders
WHERE price < 0
