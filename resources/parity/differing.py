"""The two sides of a look held against each other in one session: hashes first, then keys and columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headwater.batchsql.topic import UNCLEAR
from headwater.model import Model
from headwater.parity.comparison import SKIPPED, STREAMED, UNEQUAL, Comparison
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.rows import Batch, DuckBatch
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable
from resources.parity.position import Position

if TYPE_CHECKING:
    import pyarrow

_HELD = 10_000
"""Differing keys that are held and looked at again; all are counted."""

Row = tuple[Any, ...]
Pair = tuple[Row | None, Row | None]
"""What is streamed and what batch gives, in the order of the model's columns; None where a side has no row."""


@dataclass(frozen=True, slots=True)
class Differing:
    """Keys that differ.

    Args:
        rows: By key, at most so many.
        count: All of them.
    """

    rows: Mapping[Row, Pair] = field(default_factory=dict)
    count: int = 0

    @property
    def is_cut(self) -> bool:
        """There are more than are held."""
        return self.count > len(self.rows)


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found.

    Args:
        rows: Streamed rows that were compared.
        unclear: Keys left out because batch cannot tell what the stream must say.
    """

    comparison: Comparison
    differing: Differing
    rows: int
    unclear: int


class HeldRows:
    """An Arrow table that a session can read."""

    def __init__(self, table: "pyarrow.Table") -> None:
        self.rows_read = 0
        self.failure: HeadwaterError | None = None
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def compared(
    stack: Stack,
    model: Model,
    comparison: Comparison,
    batch: Batch,
    position: Position,
    touched: "pyarrow.Table | None",
) -> Found:
    """Compare the streamed table's snapshot with the batch result.

    Args:
        touched: Keys (of a table without a key, rows) that may be in flight; None when they are not known.
    """
    session = batch.session
    output = PinnedTable(stack.lake, model.name, position.output.id)
    session.register("streamed_rows", output)
    session.prepare(f"CREATE VIEW {STREAMED} AS SELECT * FROM streamed_rows")
    if not model.key:
        return _without_key(session, comparison, touched)
    unclear = _skipped(model, batch, position, touched)
    if comparison.is_hashed:
        session.prepare(
            f"CREATE TABLE streamed_hashes AS {comparison.hashes(STREAMED)}",
            f"CREATE TABLE batch_hashes AS {comparison.hashes('batch')}",
            f"CREATE TABLE {UNEQUAL} AS {comparison.unequal()}",
        )
        rows = session.rows("SELECT coalesce(sum(n), 0)::BIGINT FROM streamed_hashes").rows[0][0]
        if not session.rows(f"SELECT count(*) FROM {UNEQUAL}").rows[0][0]:
            return Found(comparison, Differing(), rows, unclear)
    else:
        rows = session.rows(comparison.count()).rows[0][0]
    session.prepare(f"CREATE TABLE differing AS {comparison.keys(narrowed=comparison.is_hashed)}")
    return Found(comparison, _held(session, model), rows, unclear)


def _held(session: Session, model: Model) -> Differing:
    key = ", ".join(f'"{name}"' for name in model.key)
    found = session.rows(
        f"SELECT {key}, in_streamed, in_batch, streamed, batched FROM differing ORDER BY {key} LIMIT {_HELD}"
    )
    count = session.rows("SELECT count(*) FROM differing").rows[0][0]
    width = len(model.key)
    rows = {
        tuple(row[:width]): (
            tuple(row[width + 2].values()) if row[width] else None,
            tuple(row[width + 3].values()) if row[width + 1] else None,
        )
        for row in found.rows
    }
    return Differing(rows, count)


def _without_key(session: Session, comparison: Comparison, touched: "pyarrow.Table | None") -> Found:
    if touched is None:
        raise HeadwaterError(
            f"{comparison.model.name} has no key, and which of its rows a change adds is not told by the change alone:"
            " it cannot be compared beside its running stream",
            left="nothing was compared",
            next_command="declare a key",
        )
    session.register("new_held", HeldRows(touched))
    session.prepare("CREATE VIEW new_rows AS SELECT * FROM new_held")
    session.prepare(f"CREATE TABLE differing AS {comparison.bags()}")
    found = session.rows(f"SELECT * FROM differing ORDER BY ALL LIMIT {_HELD}").rows
    count = session.rows("SELECT count(*) FROM differing").rows[0][0]
    rows: dict[Row, Pair] = {}
    for *row, batched, _, streamed in found:
        values = tuple(row)
        rows[values] = (None, values) if streamed < batched else (values, None)
    total = session.rows(comparison.count()).rows[0][0]
    return Found(comparison, Differing(rows, count), total, 0)


def _skipped(model: Model, batch: Batch, position: Position, touched: "pyarrow.Table | None") -> int:
    """Make the table of keys of which nothing is said; give how many are unclear."""
    key = ", ".join(f'"{name}"' for name in model.key)
    session = batch.session
    unclear = _unclear(model, batch.duck, position) if batch.duck is not None else []
    if touched is None:
        session.prepare(f"CREATE TABLE {SKIPPED} AS SELECT {key} FROM {STREAMED} WHERE FALSE")
    else:
        session.register("touched_held", HeldRows(touched))
        session.prepare(f"CREATE TABLE {SKIPPED} AS SELECT {key} FROM touched_held")
    if not unclear:
        return 0
    counted = "\nUNION\n".join(unclear)
    session.prepare(f"CREATE TABLE unclear AS {counted}", f"INSERT INTO {SKIPPED} SELECT {key} FROM unclear")
    return session.rows("SELECT count(*) FROM unclear").rows[0][0]


def _unclear(model: Model, batch: DuckBatch, position: Position) -> Sequence[str]:
    """SELECTs of keys for which batch does not know what the stream must say."""
    key = ", ".join(f'"{name}"' for name in model.key)
    found = []
    if batch.flows.merged.undecided is not None:
        found.append(batch.flows.merged.undecided)
    for topic in position.inputs.topics:
        typed = batch.typed[topic.table]
        readers = [sql.sql for flow, sql in batch.flows.flows if topic.table in flow.reads]
        if batch.session.rows(f"SELECT count(*) FROM (SELECT 1 FROM {typed} WHERE {UNCLEAR} LIMIT 1)").rows[0][0]:
            with batch.showing(topic.table, UNCLEAR):
                for number, sql in enumerate(readers):
                    name = f"unclear_{topic.table.table}_{number}"
                    batch.session.prepare(f'CREATE TABLE "{name}" AS SELECT DISTINCT {key} FROM ({sql})')
                    found.append(f'SELECT * FROM "{name}"')
        if topic.lost:
            found += [_lost(model, sql, key) for sql in readers]
    return found


def _lost(model: Model, sql: str, key: str) -> str:
    """Streamed keys of which a topic has no record any more."""
    return f"SELECT {key} FROM {STREAMED} EXCEPT SELECT {key} FROM ({sql})"
