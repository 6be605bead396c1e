"""Reports every night, in every market at its own local time."""

from collections.abc import Sequence
from datetime import time

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.naming import table_key
from assets.partitions import partition_key
from headwater.batch import Partition
from headwater.calendar import yesterday
from headwater.model import Market, Model, Warehouse


def report_schedules(warehouse: Warehouse) -> list[dg.ScheduleDefinition]:
    """For every market, and every local time that reports declare, one schedule that computes the local day before."""
    by_time: dict[time, list[Model]] = {}
    for model in warehouse.reports:
        if model.schedule:
            by_time.setdefault(model.schedule.at, []).append(model)
    return [schedule for at, models in by_time.items() for schedule in _schedules(warehouse.markets, at, models)]


def schedule_name(market: Market, at: time) -> str:
    """`reports_hk_at_0130`."""
    return f"reports_{market.code}_at_{at:%H%M}"


def _schedules(markets: Sequence[Market], at: time, models: Sequence[Model]) -> list[dg.ScheduleDefinition]:
    keys = [table_key(model.name) for model in models]
    job = dg.define_asset_job(f"reports_at_{at:%H%M}", selection=dg.AssetSelection.assets(*keys))
    return [_schedule(market, at, models, job) for market in markets]


def _schedule(
    market: Market, at: time, models: Sequence[Model], job: UnresolvedAssetJobDefinition
) -> dg.ScheduleDefinition:
    by_start: dict[str, list[dg.AssetKey]] = {}
    for model in models:
        if model.schedule:
            by_start.setdefault(model.schedule.start_date, []).append(table_key(model.name))

    # Dagster builds no schedule from a partitioned job for one value of a static dimension, nor lets such a one
    # have a cron of its own, so the partition is worked out here.
    @dg.schedule(
        name=schedule_name(market, at),
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone=market.zone.key,
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reports of the local day before, for {market.name}, at {at:%H:%M} in {market.zone.key}.",
    )
    def reports(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        day = yesterday(market, context.scheduled_execution_time)
        partition = partition_key(Partition(market.code, day))
        requests = [
            # A local time that comes twice when the clock goes back makes two ticks, and by its key one run.
            dg.RunRequest(run_key=f"{partition}/{start}", partition_key=partition, asset_selection=keys)
            for start, keys in by_start.items()
            if start <= day.isoformat()
        ]
        return requests or dg.SkipReason(f"No report begins on or before {day.isoformat()}")

    return reports
