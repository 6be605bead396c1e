SELECT d.market, d.local_date, v.page, p.title, COUNT(*) AS `views`
FROM dwd.page_views AS v
JOIN calendar.local_day AS d ON v.site = d.market AND v.viewed_at >= d.starts_at AND v.viewed_at < d.ends_at
LEFT JOIN dwd.pages AS p ON v.site = p.site AND v.page = p.page
GROUP BY d.market, d.local_date, v.page, p.title
