"""The dashboard: what `dashboards/*.yaml` declare, live in the browser, every number of a page from one snapshot."""
