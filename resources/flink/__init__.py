"""Flink behind the core's `StreamEngine`: the SQL gateway, the JobManager's REST interface, state on disk."""
