"""Random tables made by Flink, read by our reader and by Flink's batch SELECT; the rows must be the same.

Statements for many tables are packed into one Flink job: a job takes seconds, a table's share of it milliseconds.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.readercases import MOST_COLUMNS, Drawn, Table, as_text, steps, table
from headwater.batch import Comparison, Operator
from headwater.duckdb_text import texted
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow

Execute = Callable[[str], list[list[Any]]]
_Row = tuple[str | None, ...]


@dataclass
class Proof:
    """What came out.

    Args:
        cases: Tables at a snapshot that were read whole and compared with Flink's rows.
        wrong: Those of which a row was missing, too much or different, in words.
        paths: How many cases each path served.
        merges: How many cases there were of each way to merge.
        reasons: Why the native reader read something, and how often.
        filtered: Reads with random columns and comparisons, compared with the same query over the whole rows.
        native_wrong: Cases that the native reader alone would have read otherwise than Flink, in words.
    """

    cases: int = 0
    wrong: list[str] = field(default_factory=list)
    paths: Counter[str] = field(default_factory=Counter)
    merges: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    filtered: int = 0
    native_wrong: list[str] = field(default_factory=list)


def prove(execute: Execute, lake: Path, seeds: Sequence[int], commits: int, proof: Proof, prefix: str) -> None:
    """Make the tables of these seeds, and compare after every commit.

    Args:
        execute: Runs one statement in a batch session of Flink whose catalog is the lake, in UTC; gives its rows.
        proof: Filled.
        prefix: Of the tables' names, layer included.
    """
    tables = [table(seed, prefix) for seed in seeds]
    for each in tables:
        execute(each.ddl())
    for turn in zip(*(steps(each, commits) for each in tables), strict=True):
        inserts = []
        for now, before, rows in turn:
            for statement in before:
                execute(statement)
            inserts.append(f"INSERT INTO {now.name} {rows};")
        _write(execute, inserts)
        # A table that has got nothing but rows it ignores has no snapshot.
        written = [(now, newest) for now, _, _ in turn if (newest := _newest(lake, now)) is not None]
        theirs = _flink_rows(execute, written)
        for now, snapshot in written:
            _compare(lake, now, snapshot, theirs[now.name], proof)
    for each in tables:
        execute(f"DROP TABLE {each.name}")


def _write(execute: Execute, inserts: Sequence[str]) -> None:
    """All in one job. As a stream, which needs one slot for all of them; a batch job needs buffers for each."""
    execute("SET 'execution.runtime-mode' = 'streaming'")
    execute("SET 'execution.checkpointing.interval' = '500 ms'")
    try:
        execute(f"EXECUTE STATEMENT SET BEGIN {' '.join(inserts)} END;")
    finally:
        execute("RESET 'execution.checkpointing.interval'")
        execute("SET 'execution.runtime-mode' = 'batch'")


def _newest(lake: Path, now: Table) -> int | None:
    snapshot = FilesystemTableStore(lake).latest_snapshot(TableName.parse(now.name))
    return snapshot and snapshot.id


def _flink_rows(execute: Execute, written: Sequence[tuple[Table, int]]) -> dict[str, list[_Row]]:
    """Every table's rows as text, in one job."""
    selects = []
    for now, snapshot in written:
        cells = [as_text(column) for column in now.columns]
        cells += ["CAST(NULL AS STRING)"] * (MOST_COLUMNS - len(cells))
        hint = f"/*+ OPTIONS('scan.snapshot-id' = '{snapshot}') */"
        selects.append(f"SELECT '{now.name}', {', '.join(cells)} FROM {now.name} {hint}")
    found: dict[str, list[_Row]] = {now.name: [] for now, _ in written}
    widths = {now.name: len(now.columns) for now, _ in written}
    for name, *cells in execute(" UNION ALL ".join(selects)):
        found[name].append(tuple(cells[: widths[name]]))
    return found


def _compare(lake: Path, now: Table, snapshot: int, theirs: list[_Row], proof: Proof) -> None:
    name = TableName.parse(now.name)
    proof.cases += 1
    proof.merges[now.merge] += 1
    columns = [column.name for column in now.columns]
    try:
        pinned = PinnedTable(lake, name, snapshot, columns, merge_from=0)
        rows = pinned.reader().read_all()
        proof.paths[pinned.served.path] += 1
        if pinned.served.reason:
            proof.reasons[pinned.served.reason] += 1
        said = difference(_as_text(rows, now.columns), theirs)
        if said:
            proof.wrong.append(f"{now.ddl()} at snapshot {snapshot}, {pinned.served}: {said}")
        _filtered(lake, now, snapshot, rows, proof)
    except HeadwaterError as error:
        proof.wrong.append(f"{now.ddl()} at snapshot {snapshot}: {error}")
    try:
        native = PinnedTable(lake, name, snapshot, columns, native_only=True).reader().read_all()
        said = difference(_as_text(native, now.columns), theirs)
    except HeadwaterError as error:
        said = str(error)
    if said:
        proof.native_wrong.append(f"{now.ddl()} at snapshot {snapshot}: {said}")


def difference(ours: Sequence[_Row], theirs: Sequence[_Row]) -> str:
    """What is missing and too much, "" when both are the same rows as often."""
    have, want = Counter(ours), Counter(theirs)
    missing, more = want - have, have - want
    if not missing and not more:
        return ""
    return f"missing {sorted(missing, key=str)[:3]}, too much {sorted(more, key=str)[:3]}"


def _filtered(lake: Path, now: Table, snapshot: int, rows: "pyarrow.Table", proof: Proof) -> None:
    """A few columns under a random comparison, beside the same over the rows already found to be right."""
    import duckdb

    drawn = random.Random(now.seed * 31 + snapshot)
    wanted = drawn.sample([column.name for column in now.columns], min(2, len(now.columns)))
    compared = drawn.choice(now.columns)
    values = [value for value in rows[compared.name].to_pylist() if isinstance(value, int | str | Decimal | date)]
    if not values or compared.type == "BOOLEAN":
        return
    operator = drawn.choice((Operator.EQUAL, Operator.LESS, Operator.GREATER_EQUAL, Operator.UNEQUAL))
    where = (Comparison(compared.name, operator, (drawn.choice(values),)),)
    pinned = PinnedTable(
        lake, TableName.parse(now.name), snapshot, [*dict.fromkeys((*wanted, compared.name))], where, merge_from=0
    )
    sql = f"SELECT {', '.join(wanted)} FROM {{}} WHERE {compared.name} {operator.value} {_literal(where[0].values[0])}"
    with Session([pinned]) as session:
        found = session.rows(sql.format(now.name)).rows
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("whole", rows)
        expected = connection.sql(sql.format("whole")).fetchall()
    proof.filtered += 1
    if said := difference([tuple(map(str, row)) for row in found], [tuple(map(str, row)) for row in expected]):
        proof.wrong.append(f"{now.ddl()} at snapshot {snapshot}, {sql}: {said}")


def _literal(value: object) -> str:
    match value:
        case datetime():
            return f"{'TIMESTAMPTZ' if value.tzinfo else 'TIMESTAMP'} '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str():
            return texted(value)
        case _:
            return str(value)


def _as_text(rows: "pyarrow.Table", columns: Sequence[Drawn]) -> list[_Row]:
    """Rows as Flink writes them with `as_text`."""
    cells = [[_text(value, column.type) for value in rows[column.name].to_pylist()] for column in columns]
    return list(zip(*cells, strict=True))


def _text(value: Any, kind: str) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case float():
            return str(int(value * 100))
        case datetime():
            moment = value.astimezone(UTC) if value.tzinfo else value
            digits = "microseconds" if kind.endswith("(6)") else "milliseconds"
            return moment.replace(tzinfo=None).isoformat(" ", timespec=digits)
        case _:
            return str(value)
