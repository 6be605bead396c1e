"""What Flink and Paimon say is there, read once before planning."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headwater.engines import (
    ActualJob,
    ActualTable,
    Broker,
    Commit,
    ForeignJob,
    JobScale,
    JobState,
    RetainedState,
    StreamEngine,
    TableStore,
)
from headwater.model import TableName, Warehouse
from headwater.shadow import is_shadow, shadow


@dataclass(frozen=True, slots=True)
class Shadow:
    """What is left of a rebuild that was begun.

    Args:
        fingerprint: Of the version that it is made with; "" when there is only a table.
        is_made: The table is there.
        job: That writes it, when there is one.
        has_state: Its job can go on from where it stopped.
    """

    fingerprint: str
    is_made: bool
    job: ActualJob | None
    has_state: bool


@dataclass(frozen=True, slots=True)
class Actual:
    """The state of the world that a plan starts from.

    Args:
        written: Tables without a key that hold rows already.
        topics: Names of the topics that the broker has.
        shadows: Of tables whose rebuild was begun and has not come to its end.
        commits: Of each model whose job does not run, the newest commit of a stream.
        scales: The parallelism of jobs that run, by Flink's id, where it is known.
        foreign: Jobs on the same cluster that are not the platform's.
    """

    tables: Mapping[TableName, ActualTable]
    jobs: tuple[ActualJob, ...]
    states: Mapping[TableName, RetainedState]
    written: frozenset[TableName] = frozenset()
    topics: frozenset[str] = frozenset()
    shadows: Mapping[TableName, Shadow] = field(default_factory=dict[TableName, Shadow])
    commits: Mapping[TableName, Commit] = field(default_factory=dict[TableName, Commit])
    scales: Mapping[str, JobScale] = field(default_factory=dict[str, JobScale])
    foreign: tuple[ForeignJob, ...] = ()


def observe(warehouse: Warehouse, engine: StreamEngine, store: TableStore, broker: Broker) -> Actual:
    """Read the topics, and the tables, jobs and retained states of every streaming model.

    May raise HeadwaterError (unreachable).
    """
    names = [model.name for model in warehouse.streaming]
    tables = {name: store.table(name) for name in names}
    listing = engine.listing()
    jobs = listing.alive
    running = {job.model for job in jobs if job.state is JobState.RUNNING}
    # Before the states: a commit is never ahead of the states that are there when it is seen.
    commits = {name: next(store.commits(name), None) for name in names if name not in running}
    states = {name: engine.retained_state(name) for name in names}
    scales = {job.id: engine.scale(job.id) for job in jobs if job.model in running and job.model in warehouse}
    shadows = {name: _shadow(name, jobs, engine, store) for name in names}
    return Actual(
        tables={name: table for name, table in tables.items() if table is not None},
        jobs=tuple(job for job in jobs if not is_shadow(job.model)),
        foreign=listing.foreign,
        commits={name: commit for name, commit in commits.items() if commit is not None},
        topics=broker.topics(),
        states={name: state for name, state in states.items() if state is not None},
        written=frozenset(
            model.name
            for model in warehouse.streaming
            if not model.key and tables[model.name] is not None and store.latest_snapshot(model.name) is not None
        ),
        shadows={name: found for name, found in shadows.items() if found is not None},
        scales={job_id: scale for job_id, scale in scales.items() if scale is not None},
    )


def _shadow(name: TableName, jobs: Iterable[ActualJob], engine: StreamEngine, store: TableStore) -> Shadow | None:
    beside = shadow(name)
    job = next((job for job in jobs if job.model == beside), None)
    state = engine.retained_state(beside)
    is_made = store.table(beside) is not None
    if job is None and state is None and not is_made:
        return None
    writes = job or state
    return Shadow(writes.fingerprint if writes else "", is_made, job, state is not None)
