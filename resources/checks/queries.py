"""SQL checks that look at several rows together, or at other tables: evaluated over whole snapshots."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headwater.checks.kinds import Check, SqlCheck
from headwater.checks.outcome import SAMPLE
from headwater.duckdb_sql import translate
from headwater.engines import ActualTable
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.pushdown import scans
from resources.checks.look import Found, Look, Start, newest_seen, texts
from resources.checks.memory import Seen
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable

if TYPE_CHECKING:
    from sqlglot import exp


def evaluate(look: Look, check: Check, asks: SqlCheck) -> Found:
    """Evaluate one such check; it reads other tables at their newest snapshots.

    Raises HeadwaterError when a table has more rows than may be read: over a part of them its answer means nothing.
    """
    memory = look.memory_of(check)
    if memory is not None and _is_unchanged(look, memory.seen):
        before = memory.as_outcome(check)
        return look.found(
            check,
            Start(look.snapshot.id, before=before),
            before.failing,
            sample=before.sample,
            others={TableName.parse(name): seen for name, seen in memory.seen.items()},
        )
    tables = {look.model.name: look.table}
    tables |= {name: table for name in look.store.tables() if (table := look.store.table(name)) and name not in tables}
    columns = {table.name: {column.name: column.type for column in table.columns} for table in tables.values()}
    translation = translate(asks.sql, columns, asks.file)
    read = _read_tables(translation.tree, tables)
    others = {name: newest_seen(look.store, name) for name in read if name != look.model.name}
    needs = scans(translation.tree, {name: tuple(columns[name]) for name in read})
    sources = [
        PinnedTable(
            look.stack.lake,
            name,
            others[name].newest if name in others else look.snapshot.id,
            needs[name].columns,
            needs[name].where,
            at_most=look.at_most,
        )
        for name in read
    ]
    with Session(sources, memory_limit=look.memory_limit) as session:
        failing = session.rows(f"SELECT COUNT(*) FROM ({translation.sql})").rows[0][0]
        rows_read = session.rows_read
        _refuse_parts(look, check, sources)
        sample = texts(session.rows(translation.sql, SAMPLE)) if failing else ()
    start = Start(why="its SQL looks at rows together")
    return look.found(check, start, failing, sample=sample, read=rows_read, others=others)


def _is_unchanged(look: Look, seen: Mapping[str, Seen]) -> bool:
    """No table has a newer snapshot, nor another one of the same number."""
    for name, before in seen.items():
        table = TableName.parse(name)
        now = look.seen if table == look.model.name else newest_seen(look.store, table)
        if now != before:
            return False
    return True


def _refuse_parts(look: Look, check: Check, sources: list[PinnedTable]) -> None:
    for source in sources:
        if source.was_cut:
            raise HeadwaterError(
                f"{check.name} of {look.model.name} needs all of {source.name}, which has more than"
                f" {look.at_most:,} rows",
                left="the check was not judged",
                next_command=f"declare a larger check_rows in {look.model.file}, or narrow the check's WHERE",
            )


def _read_tables(tree: "exp.Expr", tables: Mapping[TableName, ActualTable]) -> tuple[TableName, ...]:
    from sqlglot import exp

    named = {f"{node.db}.{node.name}" for node in tree.find_all(exp.Table)}
    return tuple(name for name in tables if str(name) in named)
