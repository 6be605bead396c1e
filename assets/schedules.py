"""Reports every night, in every market at its own local time."""

from collections.abc import Sequence
from datetime import time

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.naming import table_key
from assets.partitions import partition_key
from headwater.batch import Partition
from headwater.calendar import yesterday
from headwater.model import Market, Warehouse


def report_schedules(warehouse: Warehouse) -> list[dg.ScheduleDefinition]:
    """For every market, and every local time that reports declare, one schedule that computes the local day before.

    Reports that share the time but not their first day cannot share a run, since their partitions differ; the ones
    that begin later have a schedule of their own.
    """
    by_time: dict[time, dict[str, list[dg.AssetKey]]] = {}
    for model in warehouse.reports:
        if model.schedule:
            starts = by_time.setdefault(model.schedule.at, {})
            starts.setdefault(model.schedule.start_date, []).append(table_key(model.name))
    return [
        schedule
        for at, starts in by_time.items()
        for part, (start, keys) in enumerate(sorted(starts.items()))
        for schedule in _schedules(warehouse.markets, at, part, start, keys)
    ]


def schedule_name(market: Market, at: time, part: int = 0) -> str:
    """`reports_hk_at_0130`. `part` counts the first days that reports at this time have, from the earliest."""
    return f"reports_{market.code}_at_{at:%H%M}{_suffix(part)}"


def _suffix(part: int) -> str:
    return f"_{part + 1}" if part else ""


def _schedules(
    markets: Sequence[Market], at: time, part: int, start: str, keys: Sequence[dg.AssetKey]
) -> list[dg.ScheduleDefinition]:
    job = dg.define_asset_job(f"reports_at_{at:%H%M}{_suffix(part)}", selection=dg.AssetSelection.assets(*keys))
    return [_schedule(market, at, schedule_name(market, at, part), start, keys, job) for market in markets]


def _schedule(
    market: Market,
    at: time,
    name: str,
    start: str,
    keys: Sequence[dg.AssetKey],
    job: UnresolvedAssetJobDefinition,
) -> dg.ScheduleDefinition:
    # Dagster builds no schedule from a partitioned job for one value of a static dimension, nor lets such a one
    # have a cron of its own, so the partition is worked out here.
    @dg.schedule(
        name=name,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone=market.zone.key,
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reports of the local day before, for {market.name}, at {at:%H:%M} in {market.zone.key}.",
    )
    def reports(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = yesterday(market, context.scheduled_execution_time)
        if day.isoformat() < start:
            return dg.SkipReason(f"{day.isoformat()} is before the first day, {start}")
        partition = partition_key(Partition(market.code, day))
        # A local time that comes twice when the clock goes back makes two ticks, and by the key one run.
        return dg.RunRequest(run_key=str(partition), partition_key=partition, asset_selection=keys)

    return reports
