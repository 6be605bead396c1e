"""Reports every night, or every month, in every market at its own local time."""

from collections.abc import Sequence
from datetime import time

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.naming import table_key
from assets.partitions import partition_key
from headwater.calendar import newest_over
from headwater.model import Grain, Market, Warehouse


def report_schedules(warehouse: Warehouse) -> list[dg.ScheduleDefinition]:
    """For every market, grain, and local time that reports declare, one schedule that computes the period before.

    Reports that share the time but not their first day cannot share a run, since their partitions differ; the ones
    that begin later have a schedule of their own.
    """
    by_time: dict[tuple[Grain, time], dict[str, list[dg.AssetKey]]] = {}
    for model in warehouse.reports:
        if model.schedule:
            starts = by_time.setdefault((model.grain, model.schedule.at), {})
            starts.setdefault(model.schedule.start_date, []).append(table_key(model.name))
    return [
        schedule
        for (grain, at), starts in by_time.items()
        for part, (start, keys) in enumerate(sorted(starts.items()))
        for schedule in _schedules(warehouse.markets, grain, at, part, start, keys)
    ]


def schedule_name(market: Market, at: time, part: int = 0, grain: Grain = Grain.DAY) -> str:
    """`reports_hk_at_0130`, or `monthly_reports_hk_at_0130`.

    `part` counts the first days that reports at this time have, from the earliest.
    """
    return f"{_reports(grain)}_{market.code}_at_{at:%H%M}{_suffix(part)}"


def _reports(grain: Grain) -> str:
    return "monthly_reports" if grain is Grain.MONTH else "reports"


def _suffix(part: int) -> str:
    return f"_{part + 1}" if part else ""


def _schedules(
    markets: Sequence[Market], grain: Grain, at: time, part: int, start: str, keys: Sequence[dg.AssetKey]
) -> list[dg.ScheduleDefinition]:
    name = f"{_reports(grain)}_at_{at:%H%M}{_suffix(part)}"
    job = dg.define_asset_job(name, selection=dg.AssetSelection.assets(*keys))
    return [
        _schedule(market, grain, at, schedule_name(market, at, part, grain), start, keys, job) for market in markets
    ]


def _schedule(
    market: Market,
    grain: Grain,
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
        cron_schedule=f"{at.minute} {at.hour} {'1' if grain is Grain.MONTH else '*'} * *",
        execution_timezone=market.zone.key,
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reports of the {grain.value} before, for {market.name}, at {at:%H:%M} in {market.zone.key}.",
    )
    def reports(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        newest = newest_over(market, context.scheduled_execution_time, grain)
        if newest.local_date.isoformat() < start:
            return dg.SkipReason(f"{newest.period} is before the first {grain.value}, {start}")
        partition = partition_key(newest)
        # A local time that comes twice when the clock goes back makes two ticks, and by the key one run.
        return dg.RunRequest(run_key=str(partition), partition_key=partition, asset_selection=keys)

    return reports
