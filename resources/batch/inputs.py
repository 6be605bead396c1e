"""What a batch computation of a streaming model reads: one snapshot of each table, a span of each topic's records."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from headwater.batch import BatchRun, PinnedInput
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.kafka import KafkaBroker, Span
from resources.paimon import tags
from resources.paimon.changes import in_step
from resources.paimon.store import FilesystemTableStore


@dataclass(frozen=True, slots=True)
class PinnedTopic:
    """A topic, and the records of it that a computation reads.

    Args:
        table: The ods table of the topic.
        spans: One for each partition; records up to `end` that are not on the topic any more are not read.
        read: By partition, up to where the job had read for sure; records from there on are new. Empty: none are.
    """

    table: TableName
    spans: tuple[Span, ...]
    read: Mapping[int, int] = field(default_factory=dict, hash=False)

    @property
    def records(self) -> int:
        """Offsets in the spans."""
        return sum(span.end - span.start for span in self.spans)

    @property
    def lost(self) -> bool:
        """The topic's first records have gone, by its retention."""
        return any(span.start > 0 for span in self.spans)

    def new(self) -> "PinnedTopic":
        """Of these records those that are new."""
        spans = (replace(span, start=max(span.start, self.read.get(span.partition, span.end))) for span in self.spans)
        return replace(self, spans=tuple(spans))


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a model reads, pinned.

    Args:
        tag: A tag that the tables' snapshots have, through which they stay readable; None where there is none.
    """

    tables: tuple[PinnedInput, ...] = ()
    topics: tuple[PinnedTopic, ...] = ()
    tag: str | None = None


def pin_inputs(stack: Stack, declared: Warehouse, model: Model, at: Mapping[TableName, int] | None = None) -> Inputs:
    """The newest snapshot of each table, and all records of each topic up to now.

    Args:
        at: Snapshots to read instead. Of a table whose changelog comes with compactions, the newest is the newest one
            at which the table is what its changelog says.

    Raises HeadwaterError when a table has no snapshot, a topic is not there, or no broker answers.
    """
    store = FilesystemTableStore(stack.lake)
    tables, topics = [], []
    names = [declared.model(name) for name in model.reads]
    extents = KafkaBroker(stack.kafka).extents([m.topic.name for m in names if m.topic])
    for source in names:
        if source.topic is not None:
            spans = tuple(span for span in extents if span.topic == source.topic.name)
            topics.append(PinnedTopic(source.name, spans))
            continue
        table = store.table(source.name)
        number = (at or {}).get(source.name)
        snapshot = store.snapshot(source.name, number) if number else in_step(store, table) if table else None
        if snapshot is None:
            raise HeadwaterError(
                f"{model.name} reads {source.name}, which has no snapshot yet",
                left="nothing was computed",
                next_command="headwater status, to see whether its job runs",
            )
        tables.append(PinnedInput(source.name, snapshot))
    return Inputs(tuple(tables), tuple(topics))


@contextlib.contextmanager
def protected(stack: Stack, model: Model, inputs: Inputs) -> Iterator[Inputs]:
    """The inputs with their snapshots tagged until the block ends. Raises HeadwaterError when one has expired."""
    run = BatchRun(tags.new_run_id(), model.name, (), inputs.tables)
    with tags.protected(stack.lake, run) as tag:
        yield replace(inputs, tag=tag)
