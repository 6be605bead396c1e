"""The rows that a streaming model has by batch over pinned inputs, as a relation of a DuckDB session.

On DuckDB where `headwater.duckdb_sql.translate` takes every flow, else on Flink batch (`resources.batch.flink`), whose
rows are then read from a table of its own. Whoever asks sees a session with the relation `batch` in either case.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from headwater.batch import PinnedInput
from headwater.batchsql.flow import FlowSql, flow_sql, groups_by_key
from headwater.batchsql.merge import FlowRows, Merged, duckdb_type, merged
from headwater.batchsql.topic import GONE, ORDER, ORDERED, topic_rows
from headwater.compile.storage import ignores_deletes
from headwater.duckdb_text import quoted_table
from headwater.model import Flow, Model, TableName, TopicFormat, Warehouse
from headwater.problem import HeadwaterError
from headwater.pushdown import scans
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.batch.inputs import Inputs, PinnedTopic
from resources.batch.records import TopicRecords
from resources.duckdb import MEMORY_LIMIT, ArrowRows, Session
from resources.paimon.changes import ChangedRows
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow

BATCH = "batch"
"""The relation with the model's rows: the declared columns, in their order."""

# Typed records of so many offsets are kept in DuckDB; of more, a topic is read again for every query over it.
_KEPT_RECORDS = 3_000_000


class Engine(StrEnum):
    """What computes a batch result."""

    DUCKDB = "duckdb"
    FLINK = "flink batch"


@dataclass(frozen=True, slots=True)
class Batch:
    """A model's rows by batch.

    Args:
        engine: What computes them.
        session: In which the relation `batch` stands for them.
        duck: The session with its topics and flows, where DuckDB computes.
    """

    engine: Engine
    session: Session
    duck: "DuckBatch | None" = None


@dataclass(frozen=True, slots=True)
class DuckFlows:
    """A model's flows for DuckDB.

    Args:
        flows: Each flow's SQL.
        merged: The table's rows.
        whole_topics: Topics that count as tables: of a key the last row, not every change.
    """

    flows: tuple[tuple[Flow, FlowSql], ...]
    merged: Merged
    whole_topics: frozenset[TableName] = field(default_factory=frozenset)


def duck_flows(declared: Warehouse, model: Model, columns: Mapping[TableName, Mapping[str, SqlType]]) -> DuckFlows:
    """The model's rows in DuckDB's SQL.

    Args:
        columns: Of every table that it reads.

    Raises HeadwaterError that says why, when DuckDB is not known to give the rows that Flink gives.
    """
    if any(flow.raw for flow in model.flows):
        raise HeadwaterError(
            f"{model.name} is made of the raw bytes of topics, which DuckDB does not read as Flink does",
            next_command="run it on Flink batch",
        )
    found, rows = [], []
    whole: set[TableName] = set()
    for flow in model.flows:
        sources = [declared.model(name) for name in flow.reads]
        topics = [source for source in sources if source.topic is not None]
        plain = flow.row_by_row and len(sources) == len(topics) == 1
        visible = {
            source.name: {**columns[source.name], **ORDERED} if plain else columns[source.name] for source in sources
        }
        sql = flow_sql(model, flow, visible, ORDERED if plain and model.key else None)
        if not sql.has_extra:
            whole |= {source.name for source in topics if _has_changes(source) and not ignores_deletes(model)}
        found.append((flow, sql))
        rows.append(
            FlowRows(
                flow,
                sql.sql,
                is_ordered=sql.has_extra,
                partitions=topics[0].topic.partitions if topics and topics[0].topic else 1,
                is_unique=groups_by_key(model, sql.tree),
            )
        )
    keyless = [name for name in whole if not declared.model(name).key]
    if keyless:
        raise HeadwaterError(
            f"{keyless[0]} declares no key, so its rows as they are now cannot be told from its changes",
            next_command=f"declare the key of {keyless[0]}",
        )
    return DuckFlows(tuple(found), merged(model, rows), frozenset(whole))


class DuckBatch:
    """A session over the pinned inputs of a model, with the relation `batch`. A context manager.

    Args:
        inputs: Pinned, and protected while this is open.
        memory_limit: Of DuckDB.
        changed: Only the rows of inputs that may not be in the streamed table yet, by table the snapshot behind which
            they begin; None for all rows.
        flows: The model's flows, where they have been translated already.

    `typed` names for each topic the relation of its typed records, with the columns of headwater.batchsql.topic.
    """

    def __init__(
        self,
        stack: Stack,
        declared: Warehouse,
        model: Model,
        inputs: Inputs,
        *,
        memory_limit: str = MEMORY_LIMIT,
        changed: Mapping[TableName, int] | None = None,
        flows: DuckFlows | None = None,
    ) -> None:
        self.model = model
        self._declared = declared
        self.columns = columns = input_columns(stack, declared, model)
        self.flows = flows or duck_flows(declared, model, columns)
        self.typed: dict[TableName, str] = {}
        self._is_changed = changed is not None
        streams: dict[str, ArrowRows] = {}
        views: list[str] = []
        tables: list[PinnedTable] = []
        for pinned in inputs.tables:
            if changed is not None:
                name = f"changed_{len(streams)}"
                streams[name] = _changes(stack, pinned, changed[pinned.table])
                views.append(f"CREATE VIEW {quoted_table(pinned.table)} AS SELECT * FROM {name}")
                continue
            scan = _needs(self.flows, pinned.table, columns)
            tables.append(PinnedTable(stack.lake, pinned.table, pinned.snapshot.id, scan, tag=inputs.tag))
        for topic in inputs.topics:
            name = f"records_{len(streams)}"
            wanted = topic if changed is None else topic.new()
            streams[name] = TopicRecords(stack.kafka, wanted.spans, dict(topic.read))
            views += self._topic_views(topic, name)
        schemas = dict.fromkeys(f'CREATE SCHEMA IF NOT EXISTS "{name.layer.value}"' for name in model.reads)
        self.session = Session(tables, streams=streams, memory_limit=memory_limit)
        try:
            self.session.prepare(*schemas, *views, f"CREATE VIEW {BATCH} AS {self.flows.merged.sql}")
        except BaseException:
            self.session.__exit__(None, None, None)
            raise

    def __enter__(self) -> "DuckBatch":
        return self

    def __exit__(self, *error: object) -> None:
        self.session.__exit__(None, None, None)

    @contextlib.contextmanager
    def showing(self, topic: TableName, condition: str, relation: str = "") -> Iterator[None]:
        """Let the model's flows see only the records of a topic for which this holds, until the block ends.

        Args:
            relation: With such records, in the place of all typed ones.
        """
        self.session.prepare(self._view(topic, relation or self.typed[topic], condition))
        try:
            yield
        finally:
            self.session.prepare(self._view(topic, self.typed[topic]))

    def _topic_views(self, topic: PinnedTopic, records: str) -> list[str]:
        source = self._declared.model(topic.table)
        before = _has_changes(source) and not ignores_deletes(self.model)
        sql = topic_rows(source, records, before=before).sql
        made = "TABLE" if topic.records <= _KEPT_RECORDS else "VIEW"
        self.typed[topic.table] = typed = f"typed_{records}"
        return [f"CREATE {made} {typed} AS {sql}", self._view(topic.table, typed)]

    def _view(self, topic: TableName, relation: str, condition: str = "TRUE") -> str:
        rows = f"SELECT * FROM {relation} WHERE {condition}"
        if topic in self.flows.whole_topics and not self._is_changed:
            key = ", ".join(f'"{column}"' for column in self._declared.model(topic).key)
            newest = f"SELECT arg_max(t, {ORDER}) AS r FROM ({rows}) AS t GROUP BY {key}"
            rows = f"SELECT r.* FROM ({newest}) WHERE NOT r.{GONE}"
        return f"CREATE OR REPLACE VIEW {quoted_table(topic)} AS {rows}"


def input_columns(stack: Stack, declared: Warehouse, model: Model) -> dict[TableName, dict[str, SqlType]]:
    """The columns of every table that the model reads: of topics as declared, of tables as they lie there."""
    store = FilesystemTableStore(stack.lake)
    found: dict[TableName, dict[str, SqlType]] = {}
    for name in model.reads:
        table = None if declared.model(name).topic else store.table(name)
        columns = table.columns if table else declared.model(name).columns
        found[name] = {column.name: column.type for column in columns}
    return found


@contextlib.contextmanager
def batch_rows(
    stack: Stack,
    declared: Warehouse,
    model: Model,
    inputs: Inputs,
    *,
    memory_limit: str = MEMORY_LIMIT,
    flows: DuckFlows | None = None,
) -> Iterator[Batch]:
    """The model's rows by batch over these inputs.

    The inputs must be protected (`resources.batch.inputs.protected`) until the block ends.

    Args:
        flows: The model's flows for DuckDB, where they have been translated already.

    Raises HeadwaterError when neither engine can run the model, or Flink is needed and does not answer.
    """
    try:
        opened = DuckBatch(stack, declared, model, inputs, memory_limit=memory_limit, flows=flows)
    except HeadwaterError as refused:
        if refused.unreachable:
            raise
        from resources.batch.flink import flink_batch

        with (
            flink_batch(stack, declared, model, inputs, why=refused) as table,
            Session([table] if table else [], memory_limit=memory_limit) as session,
        ):
            rows = f"SELECT * FROM {quoted_table(table.name)}" if table else _no_rows(model)
            session.prepare(f"CREATE VIEW {BATCH} AS {rows}")
            yield Batch(Engine.FLINK, session)
        return
    with opened:
        yield Batch(Engine.DUCKDB, opened.session, opened)


def _no_rows(model: Model) -> str:
    columns = ", ".join(f'CAST(NULL AS {duckdb_type(column.type)}) AS "{column.name}"' for column in model.columns)
    return f"SELECT {columns} WHERE FALSE"


def _changes(stack: Stack, pinned: PinnedInput, after: int) -> ArrowRows:
    """What was changed in a table after a snapshot; nothing when that is the pinned one."""
    if after >= pinned.snapshot.id:
        return NoRows(PinnedTable(stack.lake, pinned.table, pinned.snapshot.id).schema())
    return ChangedRows(stack.lake, pinned.table, after, pinned.snapshot.id)


class NoRows:
    """A relation without rows."""

    def __init__(self, schema: "pyarrow.Schema") -> None:
        self.rows_read = 0
        self.failure: HeadwaterError | None = None
        self._schema = schema

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._schema.empty_table().__arrow_c_stream__(requested_schema)


def _needs(
    flows: DuckFlows, name: TableName, columns: Mapping[TableName, Mapping[str, SqlType]]
) -> Sequence[str] | None:
    """The columns of a table that the flows read; None for all."""
    found: dict[str, None] = {}
    for flow, sql in flows.flows:
        if name not in flow.reads:
            continue
        scan = scans(sql.tree, {table: tuple(columns[table]) for table in flow.reads})[name]
        if scan.columns is None:
            return None
        found |= dict.fromkeys(scan.columns)
    return tuple(found)


def _has_changes(source: Model) -> bool:
    return source.topic is not None and source.topic.format is TopicFormat.DEBEZIUM_JSON
