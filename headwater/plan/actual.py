"""What Flink and Paimon say is there, read once before planning."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.engines import ActualJob, ActualTable, Broker, ForeignJob, RetainedState, StreamEngine, TableStore
from headwater.model import TableName, Warehouse


@dataclass(frozen=True, slots=True)
class Actual:
    """The state of the world that a plan starts from.

    Args:
        written: Tables without a key that hold rows already.
        topics: Names of the topics that the broker has.
        foreign: Jobs on the same cluster that are not the platform's.
    """

    tables: Mapping[TableName, ActualTable]
    jobs: tuple[ActualJob, ...]
    states: Mapping[TableName, RetainedState]
    written: frozenset[TableName] = frozenset()
    topics: frozenset[str] = frozenset()
    foreign: tuple[ForeignJob, ...] = ()


def observe(warehouse: Warehouse, engine: StreamEngine, store: TableStore, broker: Broker) -> Actual:
    """Read the topics, and the tables, jobs and retained states of every streaming model.

    May raise HeadwaterError (unreachable).
    """
    names = [model.name for model in warehouse.streaming]
    tables = {name: store.table(name) for name in names}
    states = {name: engine.retained_state(name) for name in names}
    listing = engine.listing()
    return Actual(
        tables={name: table for name, table in tables.items() if table is not None},
        jobs=listing.alive,
        foreign=listing.foreign,
        topics=broker.topics(),
        states={name: state for name, state in states.items() if state is not None},
        written=frozenset(
            model.name
            for model in warehouse.streaming
            if not model.key and tables[model.name] is not None and store.latest_snapshot(model.name) is not None
        ),
    )
