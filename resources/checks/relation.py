"""Relations: whether the values of some columns stand in another table, at its newest snapshot.

As long as nothing was missing, and the other table has lost no value, only the values of rows that came can be missing.
While something is missing, and when the other table has lost values, the table's columns are read whole.
"""

from dataclasses import replace

from headwater.checks.kinds import Check, Relation
from headwater.checks.outcome import SAMPLE, Sample
from headwater.duckdb_text import quoted, quoted_table
from headwater.problem import HeadwaterError
from resources.checks.look import (
    CHANGED,
    SIGN,
    Found,
    Look,
    Start,
    count_changes,
    newest_seen,
    texts,
)
from resources.checks.memory import Seen
from resources.checks.unique import between
from resources.duckdb import Session
from resources.paimon.changes import KIND, ChangedRows, why_not_by_changes
from resources.paimon.reader import PinnedTable


def evaluate(look: Look, check: Check, asks: Relation, start: Start) -> Found:
    """Evaluate one such check. Raises HeadwaterError when the other table has more rows than may be read."""
    theirs = newest_seen(look.store, asks.to)
    start = _start(look, check, asks, start, theirs)
    if start.after is None:
        rows = PinnedTable(look.stack.lake, look.model.name, look.snapshot.id, asks.columns, at_most=look.at_most)
        session = Session([rows], memory_limit=look.memory_limit)
    else:
        rows = look.changes(start.after, asks.columns)
        session = Session(streams={"changes": rows}, memory_limit=look.memory_limit)
    with session:
        _collect(session, look, asks, start)
        read, is_cut = rows.rows_read, rows.was_cut
        other = _other(session, look, asks, theirs)
        failing, sample = _missing(session, asks) if other else (0, ())
    if other and other.was_cut:
        raise HeadwaterError(
            f"{check.name} of {look.model.name} needs all of {asks.to}, which has more than {look.at_most:,} rows",
            left="the check was not judged",
            next_command=f"declare a larger check_rows in {look.model.file}",
        )
    read += other.rows_read if other else 0
    return look.found(
        check, start, failing, counted="values", sample=sample, read=read, is_cut=is_cut, others={asks.to: theirs}
    )


def _start(look: Look, check: Check, asks: Relation, start: Start, theirs: Seen) -> Start:
    if start.before is None:
        return start
    if start.before.failing:
        return Start(why="values were missing at the look before")
    memory = look.memory_of(check)
    seen = memory.seen.get(str(asks.to)) if memory else None
    lost = "it is new to the check" if seen is None else _lost(look, asks, seen, theirs)
    return Start(why=f"{asks.to}: {lost}") if lost else start


def _lost(look: Look, asks: Relation, before: Seen, now: Seen) -> str:
    """Why the other table may have lost values since; "" when it has not."""
    table = look.store.table(asks.to)
    assert table is not None
    why = why_not_by_changes(look.store, table, before.snapshot, before.committed_at, now.snapshot)
    if why or not table.key or before.snapshot == now.snapshot:
        return why
    changes = ChangedRows(look.stack.lake, asks.to, before.snapshot, now.snapshot, asks.theirs, look.at_most)
    columns = ", ".join(map(quoted, asks.theirs))
    with Session(streams={"changes": changes}, memory_limit=look.memory_limit) as session:
        came = f"SUM(CASE WHEN {KIND} IN ('+I', '+U') THEN 1 ELSE -1 END)"
        gone = session.rows(f"SELECT {columns} FROM changes GROUP BY ALL HAVING {came} < 0 LIMIT 1").rows
    return "rows of it went" if gone or changes.was_cut else ""


def _collect(session: Session, look: Look, asks: Relation, start: Start) -> None:
    """Make the table `wanted` of the values that are to stand in the other table."""
    columns = ", ".join(map(quoted, asks.columns))
    conditions = [f"{quoted(column)} IS NOT NULL" for column in asks.columns]
    source = quoted_table(look.model.name)
    if start.after is not None:
        count_changes(session, look, asks.columns)
        source = CHANGED
        conditions.append(f"{SIGN} > 0")
    session.prepare(f"CREATE TABLE wanted AS SELECT DISTINCT {columns} FROM {source} WHERE {' AND '.join(conditions)}")


def _other(session: Session, look: Look, asks: Relation, theirs: Seen) -> PinnedTable | None:
    """The other table, of it what can matter, as the table `theirs`; None when no value is wanted."""
    names = dict(zip(asks.columns, asks.theirs, strict=True))
    bounds = [
        replace(comparison, column=names[comparison.column]) for comparison in between(session, "wanted", asks.columns)
    ]
    if not bounds:
        return None
    other = PinnedTable(look.stack.lake, asks.to, theirs.newest, asks.theirs, bounds, at_most=look.at_most)
    if asks.to == look.model.name:
        session.prepare(f"DROP VIEW IF EXISTS {quoted_table(asks.to)}")
    session.add(other)
    columns = ", ".join(map(quoted, asks.theirs))
    session.prepare(f"CREATE TABLE theirs AS SELECT DISTINCT {columns} FROM {quoted_table(asks.to)}")
    return other


def _missing(session: Session, asks: Relation) -> tuple[int, Sample]:
    columns = ", ".join(map(quoted, asks.columns))
    same = " AND ".join(
        f"wanted.{quoted(mine)} = theirs.{quoted(its)}" for mine, its in zip(asks.columns, asks.theirs, strict=True)
    )
    session.prepare(f"CREATE TABLE missing AS SELECT {columns} FROM wanted ANTI JOIN theirs ON {same}")
    failing = session.rows("SELECT COUNT(*) FROM missing").rows[0][0]
    return failing, texts(session.rows("SELECT * FROM missing ORDER BY ALL", SAMPLE))
