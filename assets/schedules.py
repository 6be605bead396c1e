"""Reports every night, or every month, in every market at its own local time."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from assets.naming import table_key
from assets.partitions import partition_key
from assets.reports import REOPENED, SCHEDULED, WHY
from headwater.batch import Partition
from headwater.calendar import newest_over, reopened
from headwater.model import Grain, Market, Model, ReportSchedule, Warehouse

_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def report_schedules(warehouse: Warehouse) -> list[dg.ScheduleDefinition]:
    """For every market, grain, and local time that reports declare, one schedule.

    It computes the period before, and looks again at the periods that late data may still change. Reports that share
    the time but not their first day cannot share a run, since their partitions differ; the ones that begin later have a
    schedule of their own.
    """
    by_time: dict[tuple[Grain, time], dict[str, list[Model]]] = {}
    for model in warehouse.reports:
        if model.schedule:
            starts = by_time.setdefault((model.grain, model.schedule.at), {})
            starts.setdefault(model.schedule.start_date, []).append(model)
    return [
        schedule
        for (_, at), starts in by_time.items()
        for part, (_, models) in enumerate(sorted(starts.items()))
        for schedule in _schedules(warehouse.markets, at, part, models)
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


def _schedules(markets: Sequence[Market], at: time, part: int, models: Sequence[Model]) -> list[dg.ScheduleDefinition]:
    grain = models[0].grain
    name = f"{_reports(grain)}_at_{at:%H%M}{_suffix(part)}"
    job = dg.define_asset_job(name, selection=dg.AssetSelection.assets(*(table_key(model.name) for model in models)))
    return [_schedule(market, at, schedule_name(market, at, part, grain), models, job) for market in markets]


def _schedule(
    market: Market, at: time, name: str, models: Sequence[Model], job: UnresolvedAssetJobDefinition
) -> dg.ScheduleDefinition:
    grain = models[0].grain
    # Months that late data may still change are looked at every night, as days are.
    days = "1" if grain is Grain.MONTH and not _alike(models) else "*"

    # Dagster builds no schedule from a partitioned job for one value of a static dimension, nor lets such a one
    # have a cron of its own, so the partition is worked out here.
    @dg.schedule(
        name=name,
        cron_schedule=f"{at.minute} {at.hour} {days} * *",
        execution_timezone=market.zone.key,
        job=job,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reports of the {grain.value} before, for {market.name}, at {at:%H:%M} in {market.zone.key}.",
    )
    def reports(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        at = context.scheduled_execution_time
        newest = newest_over(market, at, grain)
        start = _declared(models[0]).start_date
        if newest.local_date.isoformat() < start:
            yield dg.SkipReason(f"{newest.period} is before the first {grain.value}, {start}")
            return
        if grain is Grain.DAY or at.astimezone(market.zone).day == 1:
            # A local time that comes twice when the clock goes back makes two ticks, and by the key one run.
            yield _request([newest], models, SCHEDULED, str(partition_key(newest)))
        for alike in _alike(models):
            yield from _looked_at_again(market, at, newest, alike)

    return reports


def _alike(models: Sequence[Model]) -> list[list[Model]]:
    """The models that reopen their partitions, those that do so for the same time together."""
    found: dict[object, list[Model]] = {}
    for model in models:
        if _declared(model).reopen:
            found.setdefault(_declared(model).reopen, []).append(model)
    return list(found.values())


def _looked_at_again(
    market: Market, at: datetime, newest: Partition, models: Sequence[Model]
) -> Iterator[dg.RunRequest]:
    """A run over what was made before this tick's own partition."""
    grain, local = newest.grain, at.astimezone(market.zone)
    found = list(reopened(market, at, _declared(models[0]), grain))
    if (grain is Grain.DAY or local.day == 1) and found[-1:] == [newest]:
        found.pop()
    if found:
        names = "-".join(model.name.table for model in models)
        yield _request(found, models, REOPENED, f"{market.code}|{local.date()}|{names}")


def _request(partitions: Sequence[Partition], models: Sequence[Model], why: str, run_key: str) -> dg.RunRequest:
    first, last = partition_key(partitions[0]), partition_key(partitions[-1])
    keys = [table_key(model.name) for model in models]
    if first == last:
        return dg.RunRequest(run_key=run_key, partition_key=first, asset_selection=keys, tags={WHY: why})
    tags = {WHY: why, **dict(zip(_RANGE, (str(first), str(last)), strict=True))}
    return dg.RunRequest(run_key=run_key, asset_selection=keys, tags=tags)


def _declared(model: Model) -> ReportSchedule:
    assert model.schedule is not None
    return model.schedule
