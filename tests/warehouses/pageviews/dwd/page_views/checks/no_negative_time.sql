SELECT view_id FROM dwd.page_views WHERE seconds < 0
