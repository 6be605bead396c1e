SELECT site, page, title, edited_at FROM ods.page_titles
