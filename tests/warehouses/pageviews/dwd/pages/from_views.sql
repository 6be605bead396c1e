SELECT site, page, visitor AS last_visitor, viewed_at AS last_seen_at FROM ods.page_views
