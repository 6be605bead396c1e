"""Carrying out backfills of tables that streams keep, beside their running jobs."""
