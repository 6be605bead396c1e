"""From the progress of jobs to the lag of their tables: every hop's age, those of the tables above a table first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.engines import Snapshot
from headwater.lag.event_time import event_time_lag, lag_behind
from headwater.lag.hops import NO_TIME, Hop, HopKind, TableLag
from headwater.lag.progress import JobProgress, TopicNews
from headwater.model import Model, TableName, Warehouse

# A source counts as silent when nothing has come for so long; or for twice as long as a partition may be silent before
# it stops holding time back, when that is longer: until then a watermark that stands still is no fault.
_SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Readings:
    """What the systems said at one moment.

    Args:
        at: The moment, UTC.
        progress: Of each streaming model's job.
        news: Of each ods table's topic; one that is missing could not be asked.
        snapshots: The newest of each streaming table.
        unmeasured: Why the topics could not be asked, or "".
    """

    at: datetime
    progress: Mapping[TableName, JobProgress]
    news: Mapping[TableName, TopicNews]
    snapshots: Mapping[TableName, Snapshot | None]
    unmeasured: str = ""


def table_lags(warehouse: Warehouse, readings: Readings) -> tuple[TableLag, ...]:
    """The lag of every streaming table, in the warehouse's order: upstream first."""
    found: dict[TableName, TableLag] = {}
    for model in warehouse.streaming:
        uppers = [found[name] for name in model.reads if name in found]
        found[model.name] = _table_lag(model, warehouse, readings, uppers)
    return tuple(found.values())


def _table_lag(model: Model, warehouse: Warehouse, readings: Readings, uppers: list[TableLag]) -> TableLag:
    unknown = JobProgress(unmeasured=f"nothing is known of the job of {model.name}")
    job = readings.progress.get(model.name, unknown)
    topics = [source for name in model.reads if (source := warehouse.model(name)).is_source]
    news = [(topic, readings.news[topic.name]) for topic in topics if topic.name in readings.news]
    is_quiet = all(_is_silent(topic, newest.arrived, readings.at) for topic, newest in news)
    is_quiet = is_quiet and all(upper.quiet for upper in uppers)
    watermark_lag = event_time_lag(model, warehouse.model, readings.snapshots.get(model.name), readings.at)
    above = tuple(dict.fromkeys(hop for upper in uppers for hop in upper.hops))
    own = tuple(_own_hops(model, job, readings.at))
    if job.watermark is not None and not is_quiet and _is_moving(warehouse, job, readings.at):
        before = max((hop.age for hop in (*above, *own)), default=NO_TIME)
        age = lag_behind(job.watermark, model, warehouse.model, readings.at)
        own = (*own, Hop(HopKind.WATERMARK, model.name, model.name, age, max(age - before, NO_TIME)))
    events = [newest.happened for _, newest in news] + [upper.newest_event for upper in uppers]
    arrivals = [newest.arrived for _, newest in news] + [upper.newest_arrival for upper in uppers]
    reasons = [readings.unmeasured if topics else "", job.unmeasured, *(upper.unmeasured for upper in uppers)]
    return TableLag(
        table=model.name,
        at=readings.at,
        promise=model.freshness,
        hops=above + own,
        watermark_lag=watermark_lag,
        newest_event=max((event for event in events if event), default=None),
        newest_arrival=max((arrival for arrival in arrivals if arrival), default=None),
        quiet=is_quiet,
        unmeasured=next((reason for reason in reasons if reason), ""),
    )


def _own_hops(model: Model, job: JobProgress, now: datetime) -> Iterator[Hop]:
    """The steps of this table's own job. What waits for a snapshot waits there, and not for the next checkpoint."""
    uncommitted = _age(job.uncommitted_since, now)
    for name in model.reads:
        if name not in job.sources:
            continue
        source = job.sources[name]
        unread = source.unkept if source.unread is None else source.unread
        read = _age(unread.since, now)
        kept = max(_age(source.unkept.since, now), read)
        yield Hop(HopKind.READ, model.name, name, read, read, unread.waiting)
        if source.unread is not None:
            working = max(kept - read - uncommitted, NO_TIME)
            yield Hop(HopKind.CHECKPOINT, model.name, name, kept, working, source.unkept.waiting)
    if job.uncommitted_since is not None:
        yield Hop(HopKind.COMMIT, model.name, model.name, uncommitted, uncommitted)


def _is_moving(warehouse: Warehouse, job: JobProgress, now: datetime) -> bool:
    """Event time should move on in this job: records have come lately, and a checkpoint of it holds them.

    The first record after a silence is to be read before it can move anything.
    """
    newest = [(warehouse.model(name), source.kept_at) for name, source in job.sources.items() if source.kept_at]
    return any(not _is_silent(source, kept_at, now) for source, kept_at in newest)


def has_windows(model: Model) -> bool:
    """Rows of the table come out only when event time has passed."""
    return any(flow.time_columns for flow in model.flows)


def _is_silent(source: Model, newest: datetime | None, now: datetime) -> bool:
    patience = max(_SILENT_AFTER, 2 * source.event_time.idle_after) if source.event_time else _SILENT_AFTER
    return newest is None or now - newest > patience


def _age(since: datetime | None, now: datetime) -> timedelta:
    return NO_TIME if since is None else max(now - since, NO_TIME)
