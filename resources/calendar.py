"""The calendar's relations in a DuckDB session."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from headwater.batch import Literal
from headwater.duckdb_text import texted
from headwater.model import Market
from headwater.pushdown import conditions_on
from headwater.sofar import QUERY_CALENDARS, calendar_rows

if TYPE_CHECKING:
    from sqlglot import exp

_DUCKDB = {"STRING": "VARCHAR", "DATE": "DATE", "INT": "INTEGER", "TIMESTAMP_LTZ(3)": "TIMESTAMPTZ"}

Rows = Sequence[Mapping[str, Literal]]


def statements(calendars: Mapping[str, Rows]) -> Iterator[str]:
    """The statements that make these relations, by name, with these rows."""
    yield "CREATE SCHEMA IF NOT EXISTS calendar"
    for name, rows in calendars.items():
        columns = QUERY_CALENDARS[name]
        yield f"CREATE TABLE {name} ({', '.join(f'{column} {_DUCKDB[kind]}' for column, kind in columns.items())})"
        if rows:
            values = (f"({', '.join(_written(row[column]) for column in columns)})" for row in rows)
            yield f"INSERT INTO {name} VALUES {', '.join(values)}"


def bounds(calendars: Mapping[str, Rows]) -> dict[str, dict[str, tuple[Literal, ...]]]:
    """The values of each column of these relations, as `headwater.pushdown.scans` takes them."""
    return {
        name: {column: tuple(row[column] for row in rows) for column in QUERY_CALENDARS[name]}
        for name, rows in calendars.items()
    }


def chosen_rows(name: str, markets: Sequence[Market], now: datetime, statement: "exp.Expr | None") -> Rows:
    """Those rows of a calendar that a query can use: of the days and markets that its conditions let through.

    Args:
        now: See `headwater.sofar.calendar_rows`.
        statement: The query, parsed; None when it cannot be.
    """
    rows = calendar_rows(name, markets, now)
    conditions = conditions_on(statement, name) if statement is not None else ()
    if not conditions or not all(conditions):
        return rows
    return [rows[number] for number in _let_through(rows, conditions)]


def _let_through(rows: Rows, conditions: Sequence[tuple[str, Sequence[str]]]) -> list[int]:
    """Places of the rows that hold for one of the places at which the query reads the calendar."""
    import duckdb
    import pyarrow

    columns = {name: [row[name] for row in rows] for name in rows[0]}
    numbered = pyarrow.table({**columns, "place_of_row": range(len(rows))})
    found: set[int] = set()
    with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("days", numbered)
        for alias, tests in conditions:
            try:
                sql = f'SELECT place_of_row FROM days AS "{alias}" WHERE {" AND ".join(tests)}'
                found.update(place for (place,) in connection.sql(sql).fetchall())
            except duckdb.Error:  # what is wrong is told where the query itself runs
                return list(range(len(rows)))
    return sorted(found)


def _written(value: Literal) -> str:
    match value:
        case datetime():
            return f"TIMESTAMPTZ '{value}'"
        case date():
            return f"DATE '{value}'"
        case int():
            return str(value)
    return texted(str(value))
