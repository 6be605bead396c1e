SELECT site, CAST(viewed_at AS DATE) AS view_day, view_id, visitor, page, seconds, viewed_at
FROM ods.page_views
