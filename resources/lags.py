"""The lag of every table of a stack, measured: the broker, the tables' files and, where something waits, Flink.

A look costs the broker a few requests for all topics together and one for each job, and the lake a few small files for
each table. Flink is asked about jobs in front of which something has waited for longer than a healthy job takes, and
about the watermarks of those with windows.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from headwater.engines import ActualJob, Snapshot
from headwater.lag.hops import TableLag
from headwater.lag.measure import Readings, has_windows, table_lags
from headwater.lag.progress import NOTHING, Backlog, JobProgress, SourceProgress, TopicNews
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.events import event_time_of
from resources.flink.jobmanager import JobManager
from resources.flink.rest import FlinkRefusal
from resources.paimon.consumers import table_progress
from resources.paimon.store import FilesystemTableStore
from resources.topics import Place, Record, TopicReader, topic_reader

# The cluster's jobs make a checkpoint every five seconds.
_PATIENCE = timedelta(seconds=8)


@dataclass(frozen=True, slots=True)
class _Topics:
    """What the broker says at one moment.

    Args:
        places: Of each ods table its topic's partitions.
        ends: The offset behind the last record.
        kept: Of each job, the offsets that it goes on from.
        records: Those whose arrival matters.
        news: The newest record of each topic.
    """

    places: Mapping[TableName, tuple[Place, ...]]
    ends: Mapping[Place, int]
    kept: Mapping[TableName, Mapping[Place, int]]
    records: Mapping[tuple[Place, int], Record]
    news: Mapping[TableName, TopicNews]


def lags(stack: Stack, declared: Warehouse, now: datetime) -> tuple[TableLag, ...]:
    """The lag of every streaming table. A system that does not answer is part of the answer, not an error.

    Args:
        stack: Where.
        declared: What is declared.
        now: The moment of the look, UTC.
    """
    progress: dict[TableName, JobProgress] = {}
    news: Mapping[TableName, TopicNews] = {}
    unmeasured = ""
    try:
        with topic_reader(stack.kafka) as broker:
            found = _ask_broker(broker, declared)
            progress = {model.name: _progress(stack, model, declared, found) for model in declared.streaming}
            progress |= _looked_into(stack, declared, found, broker, progress, now)
            news = found.news
    except HeadwaterError as error:
        unmeasured = error.failed
        progress |= {model.name: _progress(stack, model, declared, None) for model in declared.streaming}
    # Read after the positions: rows of a position that is known are in the table by now, or will be in a moment.
    snapshots = {model.name: _newest(stack, model) for model in declared.streaming}
    return table_lags(declared, Readings(now, progress, news, snapshots, unmeasured))


def _newest(stack: Stack, model: Model) -> Snapshot | None:
    """The newest snapshot; None for a table that has none, or whose metadata is damaged, which readers will tell."""
    try:
        return FilesystemTableStore(stack.lake).latest_snapshot(model.name)
    except (HeadwaterError, OSError):
        return None


def _ask_broker(broker: TopicReader, declared: Warehouse) -> _Topics:
    sources = {model.name: model for model in declared.sources}
    topics = {name: model.topic.name for name, model in sources.items() if model.topic}
    known = broker.places(topics.values())
    places = {name: tuple(place for place in known if place[0] == topic) for name, topic in topics.items()}
    ends, newest = broker.ends(known), broker.newest(known)
    kept = {
        model.name: dict.fromkeys(read, 0) | broker.positions(f"headwater.{model.name}", read)
        for model in declared.streaming
        if (read := [place for name in model.reads for place in places.get(name, ())])
    }
    wanted = list(newest.items())
    for name, positions in kept.items():
        wanted += [(place, offset) for place, offset in positions.items() if offset < ends[place]]
        if has_windows(declared.model(name)):
            wanted += [(place, offset - 1) for place, offset in positions.items() if 0 < offset <= ends[place]]
    records = broker.records(wanted)
    news = {name: _news(sources[name], [records.get((p, newest.get(p, -1))) for p in places[name]]) for name in places}
    return _Topics(places, ends, kept, records, news)


def _news(source: Model, records: list[Record | None]) -> TopicNews:
    there = [record for record in records if record is not None and record.arrived is not None]
    if not there:
        return TopicNews()
    newest = max(there, key=lambda record: record.arrived or datetime.min.replace(tzinfo=UTC))
    return TopicNews(newest.arrived, event_time_of(source, newest.value))


def _progress(stack: Stack, model: Model, declared: Warehouse, topics: _Topics | None) -> JobProgress:
    """The job's progress by what is known without asking Flink."""
    sources: dict[TableName, SourceProgress] = {}
    unmeasured = ""
    for name in model.reads:
        if declared.model(name).is_source:
            sources |= {name: _topic_progress(topics, name, model.name)} if topics else {}
            continue
        try:
            sources[name] = table_progress(stack.lake, name, model.name)
        except (HeadwaterError, OSError) as error:
            unmeasured = str(error).partition("\n")[0]
    return JobProgress(sources, unmeasured=unmeasured)


def _topic_progress(topics: _Topics, source: TableName, reader: TableName) -> SourceProgress:
    """A partition where the job has committed no position has not been read yet."""
    kept = topics.kept.get(reader, {})
    places = [place for place in topics.places.get(source, ()) if topics.ends.get(place, 0) > 0]
    arrivals = [topics.records.get((place, kept[place] - 1)) for place in places if kept.get(place, 0) > 0]
    return SourceProgress(
        unkept=_backlog(topics, {place: kept.get(place, 0) for place in places}, topics.records),
        kept_at=max((record.arrived for record in arrivals if record and record.arrived), default=None),
    )


def _backlog(topics: _Topics, positions: Mapping[Place, int], records: Mapping[tuple[Place, int], Record]) -> Backlog:
    waiting = {place: topics.ends[place] - position for place, position in positions.items()}
    first = [records.get((place, positions[place])) for place, count in waiting.items() if count > 0]
    since = min((record.arrived for record in first if record and record.arrived), default=None)
    return NOTHING if since is None else Backlog(sum(max(count, 0) for count in waiting.values()), since)


def _waits_long(model: Model, job: JobProgress, now: datetime) -> bool:
    since = [source.unkept.since for source in job.sources.values() if source.unkept.since]
    return any(now - began > _patience(model) for began in since)


def _looked_into(
    stack: Stack,
    declared: Warehouse,
    topics: _Topics,
    broker: TopicReader,
    progress: Mapping[TableName, JobProgress],
    now: datetime,
) -> dict[TableName, JobProgress]:
    """The progress of slow jobs, and of those with windows, with what only Flink knows.

    Without Flink there is no telling at which of a job's steps the data waits: all of it counts as not read.
    """
    slow = {model.name for model in declared.streaming if _waits_long(model, progress[model.name], now)}
    asked = [model for model in declared.streaming if model.name in slow or has_windows(model)]
    if not asked:
        return {}
    manager = JobManager(stack.flink_url)
    found: dict[TableName, JobProgress] = {}
    try:
        running = {job.model: job for job in reversed(manager.jobs())}
        for model in asked:
            job, known = running.get(model.name), progress[model.name]
            if job is None:
                continue
            # One that has ended meanwhile tells nothing, and the others are asked all the same.
            with contextlib.suppress(FlinkRefusal):
                if model.name in slow:
                    read = manager.offsets_read(job.id)
                    sources = _with_unread(known, model.name, read, topics, broker)
                    since = _uncommitted(manager, job, model, known, stack)
                    known = replace(known, sources=sources, uncommitted_since=since)
                if has_windows(model):
                    known = replace(known, watermark=manager.watermark(job.id))
            found[model.name] = known
    except HeadwaterError:
        pass
    finally:
        manager.close()
    return found


def _with_unread(
    known: JobProgress, reader: TableName, read: Mapping[str, int], topics: _Topics, broker: TopicReader
) -> dict[TableName, SourceProgress]:
    """Of each topic also what the job has not read. Flink's figures are ten seconds old: what is committed is read."""
    kept = topics.kept.get(reader, {})
    sources = dict(known.sources)
    for name in [name for name in sources if name in topics.places]:
        positions = {
            place: max(read.get(f"{place[0]}/{place[1]}", 0), kept.get(place, 0)) for place in topics.places[name]
        }
        first = broker.records((place, at) for place, at in positions.items() if at < topics.ends.get(place, 0))
        sources[name] = replace(sources[name], unread=_backlog(topics, positions, first))
    return sources


def _uncommitted(
    manager: JobManager, job: ActualJob, model: Model, known: JobProgress, stack: Stack
) -> datetime | None:
    """When the newest checkpoint was complete, if that is long ago and the table has no commit of what it holds.

    A commit follows its checkpoint soon: only a committer that hangs holds it up.
    """
    checkpoint = manager.newest_checkpoint(job.id)
    if checkpoint is None:
        return None
    number, completed_at = checkpoint
    if datetime.now(UTC) - completed_at <= _patience(model):
        return None
    store = FilesystemTableStore(stack.lake)
    commit = next(iter(store.commits(model.name)), None)
    if commit is not None and commit.checkpoint >= number:
        return None
    committed_at = None if commit is None else store.snapshot(model.name, commit.snapshot).committed_at
    return completed_at if known.has_kept_more(completed_at, committed_at) else None


def _patience(model: Model) -> timedelta:
    """How long data waits in a healthy job: for a checkpoint, and for it to be complete."""
    return max(_PATIENCE, 2 * (model.job.checkpoint_interval or timedelta()))
