"""A model's declared checks over one snapshot, evaluated in DuckDB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.duckdb_sql import translate
from headwater.engines import ActualTable
from headwater.model import Accepted, Check, Model, NotNull, SqlCheck, TableName
from headwater.problem import HeadwaterError
from headwater.pushdown import scans
from headwater.stack import Stack
from resources.duckdb import MEMORY_LIMIT, Rows, Session
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    from sqlglot import exp

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    Args:
        name: `not_null`, `accepted_<column>`, or the SQL file's name.
        failing: Rows that offend.
        sample: A few of them, as column → text.
        snapshots: What was read, of every table the check names.
    """

    name: str
    passed: bool
    failing: int
    sample: tuple[Mapping[str, str | None], ...]
    snapshots: Mapping[TableName, int]


def evaluate(
    stack: Stack, model: Model, snapshot_id: int, *, memory_limit: str = MEMORY_LIMIT
) -> tuple[CheckResult, ...]:
    """Evaluate the model's checks on a snapshot of its table, in the order declared.

    An SQL check reads other tables, where it names any, at their newest snapshots. Raises HeadwaterError when a table
    or snapshot is missing, or the check's SQL cannot be run.
    """
    store = FilesystemTableStore(stack.lake)
    return tuple(_evaluate(store, model, check, snapshot_id, memory_limit) for check in model.checks)


def _evaluate(
    store: FilesystemTableStore, model: Model, check: Check, snapshot_id: int, memory_limit: str
) -> CheckResult:
    name, sql, file = _query(model, check)
    tables = {model.name: _existing(store, model.name)}
    tables |= {other: table for other in store.tables() if (table := store.table(other)) and other not in tables}
    columns = {table.name: {column.name: column.type for column in table.columns} for table in tables.values()}
    translation = translate(sql, columns, file)
    read = _read_tables(translation.tree, tables)
    pinned = {other: snapshot_id if other == model.name else _newest(store, other) for other in read}
    needs = scans(translation.tree, {other: tuple(columns[other]) for other in read})
    sources = [
        PinnedTable(store.lake, other, number, needs[other].columns, needs[other].where)
        for other, number in pinned.items()
    ]
    with Session(sources, memory_limit=memory_limit) as session:
        failing = session.rows(f"SELECT COUNT(*) FROM ({translation.sql})").rows[0][0]
    with Session(sources, memory_limit=memory_limit) as session:
        sample = session.rows(translation.sql, SAMPLE) if failing else Rows((), (), ())
    return CheckResult(name, failing == 0, failing, _texts(sample), pinned)


def _query(model: Model, check: Check) -> tuple[str, str, Path]:
    """The check's name, the SELECT of its offending rows in Flink SQL, and the file to name in messages."""
    match check:
        case NotNull(columns):
            tested = " OR ".join(f"{_quoted(column)} IS NULL" for column in columns)
            return "not_null", _offending(model, columns, tested), model.file
        case Accepted(column, values):
            accepted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
            tested = f"{_quoted(column)} NOT IN ({accepted})"
            return f"accepted_{column}", _offending(model, (column,), tested), model.file
        case SqlCheck(name, file, sql):
            return name, sql, file


def _offending(model: Model, columns: Sequence[str], condition: str) -> str:
    """Enough of a row to find it again, and the columns in question."""
    shown = dict.fromkeys((*model.key, *model.partition_by, *columns))
    return f"SELECT {', '.join(map(_quoted, shown))} FROM {model.name} WHERE {condition}"


def _quoted(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"


def _existing(store: FilesystemTableStore, name: TableName) -> ActualTable:
    table = store.table(name)
    if table is None:
        raise HeadwaterError(f"There is no table {name} in the lake to check", next_command="headwater apply")
    return table


def _newest(store: FilesystemTableStore, name: TableName) -> int:
    snapshot = store.latest_snapshot(name)
    if snapshot is None:
        raise HeadwaterError(f"{name} has no snapshot yet, and a check reads it", next_command="headwater status")
    return snapshot.id


def _read_tables(tree: "exp.Expr", tables: Mapping[TableName, ActualTable]) -> tuple[TableName, ...]:
    from sqlglot import exp

    named = {f"{node.db}.{node.name}" for node in tree.find_all(exp.Table)}
    return tuple(name for name in tables if str(name) in named)


def _texts(rows: Rows) -> tuple[Mapping[str, str | None], ...]:
    return tuple({column: _text(value) for column, value in zip(rows.columns, row, strict=True)} for row in rows.rows)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
