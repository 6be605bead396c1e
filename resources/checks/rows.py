"""Checks that look at each row by itself: what offends is counted on from what had been found, by changed rows alone.

The number of offending rows is that of the look before, plus those among the rows that came since, less those among the
rows that went: exact, at the cost of the changed rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from headwater.checks.kinds import Accepted, Check, NotNull, Range, SqlCheck
from headwater.checks.outcome import SAMPLE, Sample
from headwater.duckdb_sql import translate
from headwater.duckdb_text import quoted, quoted_table, texted
from headwater.pushdown import scans
from headwater.sqltype import SqlType
from resources.checks.look import CHANGED, SIGN, Found, Look, Start, count_changes, texts
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable

_WENT = 1000
"""Offending rows that went and are looked for in the sample that was kept."""


@dataclass(frozen=True, slots=True)
class Offending:
    """A check's offending rows.

    Args:
        sql: The SELECT that gives them, over the table's name.
        columns: What it reads of the table.
    """

    check: Check
    sql: str
    columns: tuple[str, ...]


def is_by_row(check: Check) -> bool:
    """Whether a row offends does not depend on any other row."""
    asks = check.asks
    return isinstance(asks, NotNull | Accepted | Range) or (isinstance(asks, SqlCheck) and asks.row_by_row)


def by_changes(look: Look, after: int, starts: Mapping[Check, Start]) -> Iterator[Found]:
    """Evaluate checks that have all seen the same snapshot, by what was changed since."""
    offending = [_offending(look, check) for check in starts]
    columns = tuple(dict.fromkeys(column for each in offending for column in each.columns))
    changes = look.changes(after, columns)
    with Session(streams={"changes": changes}, memory_limit=look.memory_limit) as session:
        count_changes(session, look, columns)
        read, is_cut = changes.rows_read, changes.was_cut
        came = _counted(session, look, offending, came=True)
        went = _counted(session, look, offending, came=False)
    for each in offending:
        start = starts[each.check]
        assert start.before is not None
        more, sample = came[each.check]
        less, gone = went[each.check]
        failing = max(start.before.failing + more - less, 0)
        kept = [row for row in start.before.sample if row not in gone] if failing > more else []
        yield look.found(each.check, start, failing, sample=(*sample, *kept), read=read, is_cut=is_cut)


def whole(look: Look, starts: Mapping[Check, Start]) -> Iterator[Found]:
    """Evaluate checks over the whole table."""
    for check, start in starts.items():
        each = _offending(look, check)
        table = PinnedTable(look.stack.lake, look.model.name, look.snapshot.id, each.columns, at_most=look.at_most)
        with Session([table], memory_limit=look.memory_limit) as session:
            failing = session.rows(f"SELECT COUNT(*) FROM ({each.sql})").rows[0][0]
            read, is_cut = table.rows_read, table.was_cut
            sample = texts(session.rows(each.sql, SAMPLE)) if failing else ()
        yield look.found(check, start, failing, sample=sample, read=read, is_cut=is_cut)


def _counted(
    session: Session, look: Look, offending: Sequence[Offending], *, came: bool
) -> dict[Check, tuple[int, Sample]]:
    """Of each check how many of the rows that came, or went, offend, and some of them."""
    sort = f"{SIGN} {'>' if came else '<'} 0"
    session.prepare(
        f"CREATE SCHEMA IF NOT EXISTS {quoted(look.model.name.layer.value)}",
        f"CREATE OR REPLACE VIEW {quoted_table(look.model.name)} AS"
        f" SELECT * EXCLUDE ({SIGN}) FROM {CHANGED} WHERE {sort}",
    )
    counted = {}
    for each in offending:
        number = session.rows(f"SELECT COUNT(*) FROM ({each.sql})").rows[0][0]
        shown = texts(session.rows(each.sql, SAMPLE if came else _WENT)) if number else ()
        counted[each.check] = (number, shown)
    return counted


def _offending(look: Look, check: Check) -> Offending:
    name = quoted_table(look.model.name)
    types = {column.name: column.type for column in look.table.columns}
    asks = check.asks
    match asks:
        case NotNull(columns):
            condition = " OR ".join(f"{quoted(column)} IS NULL" for column in columns)
        case Accepted(column, values):
            columns = (column,)
            condition = f"{quoted(column)} NOT IN ({', '.join(map(texted, values))})"
        case Range(column, least, most):
            columns = (column,)
            bounds = [f"{quoted(column)} < {_literal(least, types[column])}"] if least is not None else []
            bounds += [f"{quoted(column)} > {_literal(most, types[column])}"] if most is not None else []
            condition = " OR ".join(bounds)
        case SqlCheck(_, file, sql):
            translation = translate(sql, {look.model.name: types}, file)
            needs = scans(translation.tree, {look.model.name: tuple(types)})[look.model.name]
            return Offending(check, translation.sql, needs.columns or tuple(types))
        case _:
            raise TypeError(f"{check.name} is no check of single rows")
    # Enough of a row to find it again, and the columns in question.
    shown = tuple(dict.fromkeys((*look.model.key, *look.model.partition_by, *columns)))
    return Offending(check, f"SELECT {', '.join(map(quoted, shown))} FROM {name} WHERE {condition}", shown)


def _literal(written: str, type_: SqlType) -> str:
    kinds = {"DATE": "DATE", "TIMESTAMP": "TIMESTAMP", "TIMESTAMP_LTZ": "TIMESTAMPTZ"}
    if type_.root in kinds:
        return f"{kinds[type_.root]} {texted(written)}"
    return f"{Decimal(written):f}"
