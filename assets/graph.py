"""The whole of a warehouse as Dagster definitions: sources, jobs, tables, reports, checks, schedules, sensors."""

import dagster as dg

from assets.backfills import backfill_job
from assets.checks import checks_definition, checks_schedule
from assets.cluster import cluster_check, cluster_spec
from assets.deadlines import deadline_check, promised
from assets.freshness import freshness_check
from assets.jobs import jobs_definition
from assets.maintenance import maintenance_definition, maintenance_schedule
from assets.reports import reports_definitions
from assets.resources import platform_resources
from assets.schedules import report_schedules
from assets.sensors.autoscaling import autoscaled, autoscaling_sensor
from assets.sensors.deadlines import deadline_sensor
from assets.sensors.job_health import job_health_sensor
from assets.sensors.snapshots import snapshot_sensor
from assets.sources import source_spec
from assets.tables import table_spec
from headwater.model import Warehouse
from headwater.stack import Stack


def build_definitions(warehouse: Warehouse, stack: Stack) -> dg.Definitions:
    """Definitions of every model. Nothing outside the process is asked."""
    checks = checks_definition(warehouse)
    promises = [check for check in (freshness_check(warehouse), deadline_check(warehouse)) if check is not None]
    streams = bool(warehouse.streaming)
    maintenance = maintenance_definition(warehouse) if streams or warehouse.reports else None
    return dg.Definitions(
        assets=[
            *(source_spec(model) for model in warehouse.sources),
            *([jobs_definition(warehouse), cluster_spec()] if streams else []),
            *(table_spec(model) for model in warehouse.streaming),
            *reports_definitions(warehouse),
            *([maintenance] if maintenance else []),
        ],
        asset_checks=[
            *([checks] if checks else []),
            *promises,
            *([cluster_check(warehouse)] if streams else []),
        ],
        jobs=[backfill_job(warehouse)] if streams else [],
        schedules=[
            *report_schedules(warehouse),
            *([checks_schedule(warehouse, checks)] if checks else []),
            *([maintenance_schedule(maintenance, warehouse)] if maintenance else []),
        ],
        sensors=[
            *([snapshot_sensor(warehouse), job_health_sensor(warehouse)] if streams else []),
            *([autoscaling_sensor(warehouse)] if autoscaled(warehouse) else []),
            *([deadline_sensor(warehouse)] if promised(warehouse) else []),
        ],
        resources=platform_resources(stack),
        # Runs are short and light: a process for each step would cost more than the step.
        executor=dg.in_process_executor,
    )
