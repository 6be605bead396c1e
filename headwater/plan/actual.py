"""What Flink and Paimon say is there, read once before planning."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.engines import (
    ActualJob,
    ActualTable,
    Broker,
    JobScale,
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
        scales: The parallelism of jobs that run, by Flink's id, where it is known.
    """

    tables: Mapping[TableName, ActualTable]
    jobs: tuple[ActualJob, ...]
    states: Mapping[TableName, RetainedState]
    written: frozenset[TableName] = frozenset()
    topics: frozenset[str] = frozenset()
    scales: Mapping[str, JobScale] = field(default_factory=dict)


def observe(warehouse: Warehouse, engine: StreamEngine, store: TableStore, broker: Broker) -> Actual:
    """Read the topics, and the tables, jobs and retained states of every streaming model.

    May raise HeadwaterError (unreachable).
    """
    names = [model.name for model in warehouse.streaming]
    tables = {name: store.table(name) for name in names}
    states = {name: engine.retained_state(name) for name in names}
    jobs = engine.jobs()
    running = [job.id for job in jobs if job.state is JobState.RUNNING and job.model in warehouse]
    scales = {job_id: engine.scale(job_id) for job_id in running}
    return Actual(
        tables={name: table for name, table in tables.items() if table is not None},
        jobs=jobs,
        topics=broker.topics(),
        states={name: state for name, state in states.items() if state is not None},
        written=frozenset(
            model.name
            for model in warehouse.streaming
            if not model.key and tables[model.name] is not None and store.latest_snapshot(model.name) is not None
        ),
        scales={job_id: scale for job_id, scale in scales.items() if scale is not None},
    )
