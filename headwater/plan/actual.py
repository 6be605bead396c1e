"""What Flink and Paimon say is there, read once before planning."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.engines import (
    ActualJob,
    ActualTable,
    Broker,
    Commit,
    JobState,
    RetainedState,
    StreamEngine,
    TableStore,
)
from headwater.model import TableName, Warehouse


@dataclass(frozen=True, slots=True)
class Actual:
    """The state of the world that a plan starts from.

    Args:
        written: Tables without a key that hold rows already.
        topics: Names of the topics that the broker has.
        commits: Of each model whose job does not run, the newest commit of a stream.
    """

    tables: Mapping[TableName, ActualTable]
    jobs: tuple[ActualJob, ...]
    states: Mapping[TableName, RetainedState]
    written: frozenset[TableName] = frozenset()
    topics: frozenset[str] = frozenset()
    commits: Mapping[TableName, Commit] = field(default_factory=dict[TableName, Commit])


def observe(warehouse: Warehouse, engine: StreamEngine, store: TableStore, broker: Broker) -> Actual:
    """Read the topics, and the tables, jobs and retained states of every streaming model.

    May raise HeadwaterError (unreachable).
    """
    names = [model.name for model in warehouse.streaming]
    tables = {name: store.table(name) for name in names}
    jobs = engine.jobs()
    running = {job.model for job in jobs if job.state is JobState.RUNNING}
    # Before the states: a commit is never ahead of the states that are there when it is seen.
    commits = {name: next(store.commits(name), None) for name in names if name not in running}
    states = {name: engine.retained_state(name) for name in names}
    return Actual(
        tables={name: table for name, table in tables.items() if table is not None},
        jobs=jobs,
        commits={name: commit for name, commit in commits.items() if commit is not None},
        topics=broker.topics(),
        states={name: state for name, state in states.items() if state is not None},
        written=frozenset(
            model.name
            for model in warehouse.streaming
            if not model.key and tables[model.name] is not None and store.latest_snapshot(model.name) is not None
        ),
    )
