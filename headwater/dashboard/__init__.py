"""What a dashboard shows, as `dashboards/<name>.yaml` of a warehouse declares it."""
