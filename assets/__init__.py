"""Dagster: models as assets, checks, sensors and schedules."""
