"""What people and programs read: the data service API and the dashboard, over the same snapshots as the reports."""
