"""The process that looks at the whole stack, from outside of Dagster: for alerts, metrics, and whether all is well."""
