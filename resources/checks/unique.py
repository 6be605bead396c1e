"""Uniqueness: whether a row offends depends on the others, so the values that changed are counted in the whole table.

Only the columns in question are read, and of them only what lies between the least and the greatest changed value. How
often a value had stood before follows from how often it stands now, and from what came and went.
"""

from collections.abc import Iterator
from typing import Any

from headwater.batch import Comparison, Operator
from headwater.checks.kinds import Check, Unique
from headwater.checks.outcome import SAMPLE
from headwater.duckdb_text import quoted, quoted_table
from resources.checks.look import CHANGED, SIGN, Found, Look, Start, count_changes, texts
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable

_TOUCHED = """CREATE TABLE touched AS
SELECT {columns}, SUM({sign}) AS {sign} FROM {changed} WHERE {present} GROUP BY ALL HAVING SUM({sign}) <> 0"""
# A value's rows now, and before: now less what came, more what went.
_STANDING = """CREATE TABLE standing AS
SELECT {columns}, COUNT(t."headwater row") AS now, COUNT(t."headwater row") - touched.{sign} AS before
FROM touched LEFT JOIN (SELECT {columns}, 1 AS "headwater row" FROM {table}) AS t USING ({columns})
GROUP BY {columns}, touched.{sign}"""


def evaluate(look: Look, check: Check, asks: Unique, start: Start) -> Found:
    """Evaluate one such check."""
    if start.after is None or start.before is None:
        return _whole(look, check, asks, start)
    names = _names(look, asks)
    changes = look.changes(start.after, asks.columns)
    with Session(streams={"changes": changes}, memory_limit=look.memory_limit) as session:
        count_changes(session, look, asks.columns)
        session.prepare(_TOUCHED.format(**names))
        bounds = tuple(between(session, "touched", asks.columns))
        read, is_cut = changes.rows_read, changes.was_cut
        if not bounds:
            return look.found(
                check,
                start,
                start.before.failing,
                counted="values",
                sample=start.before.sample,
                read=read,
                is_cut=is_cut,
            )
        table = PinnedTable(
            look.stack.lake, look.model.name, look.snapshot.id, asks.columns, bounds, at_most=look.at_most
        )
        session.add(table)
        session.prepare(_STANDING.format(**names))
        more, less = session.rows("SELECT COUNT_IF(now > 1), COUNT_IF(before > 1) FROM standing").rows[0]
        shown = f'SELECT {names["columns"]}, now AS "rows" FROM standing'
        sample = texts(session.rows(f"{shown} WHERE now > 1 ORDER BY ALL", SAMPLE))
        mended = texts(session.rows(f"SELECT {names['columns']} FROM standing"))
    failing = max(start.before.failing + more - less, 0)
    seen_anew = [dict(row) for row in mended]
    kept = [row for row in start.before.sample if {c: row.get(c) for c in asks.columns} not in seen_anew]
    return look.found(
        check,
        start,
        failing,
        counted="values",
        sample=(*sample, *(kept if failing > more else ())),
        read=read + table.rows_read,
        is_cut=is_cut or table.was_cut,
    )


def between(session: Session, table: str, columns: tuple[str, ...]) -> Iterator[Comparison]:
    """Comparisons that hold for every row of a table of the session; none when it has no row."""
    extremes = ", ".join(f"MIN({quoted(column)}), MAX({quoted(column)})" for column in columns)
    found: tuple[Any, ...] = session.rows(f"SELECT {extremes} FROM {table}").rows[0]
    for place, column in enumerate(columns):
        least, most = found[2 * place], found[2 * place + 1]
        if least is not None:
            yield Comparison(column, Operator.GREATER_EQUAL, (least,))
            yield Comparison(column, Operator.LESS_EQUAL, (most,))


def _whole(look: Look, check: Check, asks: Unique, start: Start) -> Found:
    names = _names(look, asks)
    table = PinnedTable(look.stack.lake, look.model.name, look.snapshot.id, asks.columns, at_most=look.at_most)
    with Session([table], memory_limit=look.memory_limit) as session:
        session.prepare(
            f'CREATE TABLE standing AS SELECT {names["columns"]}, COUNT(*) AS "rows" FROM {names["table"]}'
            f" WHERE {names['present']} GROUP BY ALL HAVING COUNT(*) > 1"
        )
        failing = session.rows("SELECT COUNT(*) FROM standing").rows[0][0]
        sample = texts(session.rows("SELECT * FROM standing ORDER BY ALL", SAMPLE))
    return look.found(
        check, start, failing, counted="values", sample=sample, read=table.rows_read, is_cut=table.was_cut
    )


def _names(look: Look, asks: Unique) -> dict[str, str]:
    return {
        "columns": ", ".join(map(quoted, asks.columns)),
        "present": " AND ".join(f"{quoted(column)} IS NOT NULL" for column in asks.columns),
        "table": quoted_table(look.model.name),
        "sign": SIGN,
        "changed": CHANGED,
    }
