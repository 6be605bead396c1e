"""The calendar's relations in a DuckDB session."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

from headwater.batch import Literal
from headwater.calendar import CALENDARS

_DUCKDB = {"STRING": "VARCHAR", "DATE": "DATE", "TIMESTAMP_LTZ(3)": "TIMESTAMPTZ"}


def statements(calendars: Mapping[str, Sequence[Mapping[str, Literal]]]) -> Iterator[str]:
    """The statements that make these relations, by name, with these rows."""
    yield "CREATE SCHEMA IF NOT EXISTS calendar"
    for name, rows in calendars.items():
        columns = CALENDARS[name]
        yield f"CREATE TABLE {name} ({', '.join(f'{column} {_DUCKDB[kind]}' for column, kind in columns.items())})"
        if rows:
            values = (f"({', '.join(_written(row[column]) for column in columns)})" for row in rows)
            yield f"INSERT INTO {name} VALUES {', '.join(values)}"


def _written(value: Literal) -> str:
    match value:
        case datetime():
            return f"TIMESTAMPTZ '{value}'"
        case date():
            return f"DATE '{value}'"
        case int():
            return str(value)
    text = str(value).replace("'", "''")
    return f"'{text}'"
