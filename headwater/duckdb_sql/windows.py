"""Window table functions for DuckDB: each row once for every window that it falls into.

Flink's windows are aligned to 1970-01-01 00:00:00 of the session's zone, which is UTC; rows without a time are in none.
Source: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/sql/queries/window-tvf/
"""

from collections.abc import Sequence

from headwater.duckdb_sql.scope import Columns, Source
from headwater.duckdb_terms.times import micros
from headwater.duckdb_terms.typed import NESTED, TIMES, Mistake, Refused
from headwater.duckdb_text import quoted
from headwater.flinksql import WINDOW_COLUMNS, WindowTable
from headwater.sqltype import SqlType

_TIME, _BUCKET, _STEP, _STARTS, _SESSION = '"#time"', '"#bucket"', '"#step"', '"#starts"', '"#session"'
_LAST_MOMENT = 1_000
"""What window_time lies before the end of its window, in microseconds."""


def window_columns(node: WindowTable, source: Source) -> Columns:
    """The columns of the table with windows. Raises Refused for windows that are not known to be the same."""
    column = node.time_column
    if column.name not in source.columns:
        raise Mistake(column, f"there is no column {column.name}; there are {', '.join(source.columns)}")
    kind = source.columns[column.name]
    if kind.root not in TIMES or kind.precision > 3:
        raise Refused(node, f"{node.name} by {column.name}, which is {kind}: a time of at most three digits is wanted")
    if node.args.get("offset"):
        raise Refused(node, f"{node.name} with an offset: in streaming Flink loses rows with it")
    if taken := [name for name in WINDOW_COLUMNS if name in source.columns]:
        raise Refused(node, f"a table that has {taken[0]} already: rename it by AS before the next window")
    if node.args.get("partition_by") and node.name != "SESSION":
        raise Refused(node, f"PARTITION BY in {node.name}")
    local = SqlType("TIMESTAMP", (3,))
    return {**source.columns, **dict(zip(WINDOW_COLUMNS, (local, local, kind), strict=True))}


def window_sql(node: WindowTable, from_: str, source: Source) -> str:
    """The sub-query that gives the rows with their windows; `from_` is the table as it stands in FROM."""
    time = source.typed(node.time_column.name).sql
    kept = ", ".join(f"{source.typed(name).sql} AS {quoted(name)}" for name in source.columns)
    timed = f"SELECT {kept}, epoch_us({time}) AS {_TIME} FROM {from_} WHERE {time} IS NOT NULL"
    match node.name:
        case "TUMBLE":
            size = micros(node.interval("size"))
            return _with_bounds(node, source, f"({timed})", _floor(size), f"{_floor(size)} + {size}")
        case "HOP":
            return _hopping(node, source, timed)
        case "CUMULATE":
            return _cumulating(node, source, timed)
        case _:
            return _sessions(node, source, timed)


def _hopping(node: WindowTable, source: Source, timed: str) -> str:
    slide, size = micros(node.interval("slide")), micros(node.interval("size"))
    _multiple(node, size, slide, "slide")
    steps = f"({timed}) CROSS JOIN (SELECT UNNEST(range({size // slide})) * {slide} AS {_STEP})"
    start = f"{_floor(slide)} - {_STEP}"
    return _with_bounds(node, source, steps, start, f"{start} + {size}")


def _cumulating(node: WindowTable, source: Source, timed: str) -> str:
    step, size = micros(node.interval("step")), micros(node.interval("size"))
    _multiple(node, size, step, "step")
    steps = f"({timed}) CROSS JOIN (SELECT UNNEST(range(1, {size // step + 1})) * {step} AS {_STEP})"
    end = f"{_floor(size)} + {_STEP}"
    return _with_bounds(node, source, steps, _floor(size), end, f" WHERE {end} > {_TIME}")


def _sessions(node: WindowTable, source: Source, timed: str) -> str:
    """A session goes on as long as each row comes within the gap after the one before, the gap itself included."""
    gap = micros(node.interval("gap"))
    keys = _partition_keys(node, source)
    by = f"PARTITION BY {', '.join(keys)} " if keys else ""
    starts = f"CASE WHEN {_TIME} - LAG({_TIME}) OVER ({by}ORDER BY {_TIME}) > {gap} THEN 1 ELSE 0 END"
    marked = f"SELECT *, {starts} AS {_STARTS} FROM ({timed})"
    numbered = f"SELECT *, SUM({_STARTS}) OVER ({by}ORDER BY {_TIME}) AS {_SESSION} FROM ({marked})"
    session = f"PARTITION BY {', '.join([*keys, _SESSION])}"
    start, end = f"MIN({_TIME}) OVER ({session})", f"MAX({_TIME}) OVER ({session}) + {gap}"
    return _with_bounds(node, source, f"({numbered})", start, end)


def _partition_keys(node: WindowTable, source: Source) -> Sequence[str]:
    keys = []
    for column in node.args.get("partition_by") or ():
        if column.name not in source.columns:
            raise Mistake(column, f"there is no column {column.name}; there are {', '.join(source.columns)}")
        if source.columns[column.name].root in NESTED:
            raise Refused(column, f"PARTITION BY {source.columns[column.name]}")
        keys.append(quoted(column.name))
    return keys


def _multiple(node: WindowTable, size: int, part: int, word: str) -> None:
    if part > size or size % part:
        raise Refused(node, f"{node.name} whose size is no multiple of its {word}: Flink refuses it in streaming")


def _floor(size: int) -> str:
    """The begin of the span of this size that the row's time is in; `%` alone takes the sign of the time."""
    return f"({_TIME} - (({_TIME} % {size}) + {size}) % {size})"


def _with_bounds(node: WindowTable, source: Source, rows: str, start: str, end: str, where: str = "") -> str:
    kept = ", ".join(map(quoted, source.columns))
    last = f"make_timestamp({end} - {_LAST_MOMENT})"
    if source.columns[node.time_column.name].root == "TIMESTAMP_LTZ":
        last = f"CAST({last} AS TIMESTAMPTZ)"
    bounds = (f"make_timestamp({start})", f"make_timestamp({end})", last)
    named = ", ".join(f"{text} AS {name}" for text, name in zip(bounds, WINDOW_COLUMNS, strict=True))
    return f"(SELECT {kept}, {named} FROM {rows}{where})"
