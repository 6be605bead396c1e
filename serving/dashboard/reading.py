"""Reading days of a dashboard's table at a snapshot, through the platform's reader."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.batch import Comparison, Operator
from headwater.dashboard.dashboard import Dashboard
from headwater.duckdb_text import quoted, quoted_table
from headwater.problem import HeadwaterError
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable
from serving.dashboard.frame import DAY_MINUTES, Block, Slice, first_minute

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

FLOATING = -1
"""The scale of a column whose sums are floating."""


class Book:
    """Numbers the slices: one that was seen once keeps its number, so that days read apart go together."""

    def __init__(self) -> None:
        self._numbers: dict[Slice, int] = {}

    def number(self, each: Slice) -> int:
        """The slice's number, a new one for a new slice."""
        return self._numbers.setdefault(each, len(self._numbers))

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Every slice seen, by its number."""
        return tuple(self._numbers)


def read_days(
    lake: Path, dashboard: Dashboard, snapshot_id: int, days: Sequence[date], book: Book
) -> tuple[dict[date, Block], dict[str, int]]:
    """The blocks of these days, and of each column how many decimal places its sums count in (or `FLOATING`).

    Raises HeadwaterError when the table cannot be read at this snapshot.
    """
    rows = _rows(lake, dashboard, snapshot_id, days)
    numbers = _slice_numbers(rows, dashboard, book)
    minutes = rows.column("minute").to_numpy().astype("int64")
    values, scales = {}, {}
    for index, column in enumerate(dashboard.columns):
        values[column], scales[column] = _whole(rows.column(f"value_{index}"), column)
    return {day: _block(day, numbers, minutes, values) for day in days}, scales


def _rows(lake: Path, dashboard: Dashboard, snapshot_id: int, days: Sequence[date]) -> "pyarrow.Table":
    dimensions = [dimension.column for dimension in dashboard.dimensions]
    keys = [dashboard.market, *dimensions]
    texts = ", ".join(f"CAST({quoted(column)} AS VARCHAR) AS key_{index}" for index, column in enumerate(keys))
    sums = ", ".join(f"{quoted(column)} AS value_{index}" for index, column in enumerate(dashboard.columns))
    minute = quoted(dashboard.minute)
    spans = " OR ".join(f"({minute} >= {_midnight(day)} AND {minute} < {_midnight(_next(day))})" for day in days)
    sql = (
        f"SELECT CAST(epoch({minute}) // 60 AS BIGINT) AS minute, {texts}, {sums}"
        f" FROM {quoted_table(dashboard.table)} WHERE {spans or 'false'}"
    )
    days_column = (dashboard.day,) if dashboard.day else ()
    columns: dict[str, None] = dict.fromkeys((dashboard.minute, *keys, *dashboard.columns, *days_column))
    table = PinnedTable(lake, dashboard.table, snapshot_id, tuple(columns), _pushed(dashboard, days))
    with Session([table]) as session:
        return session.arrow(sql)


def _pushed(dashboard: Dashboard, days: Sequence[date]) -> tuple[Comparison, ...]:
    """What the scan leaves out: partitions, where the table has them by day."""
    if dashboard.day:
        return (Comparison(dashboard.day, Operator.IN, tuple(days)),)
    first = datetime.combine(min(days), datetime.min.time(), UTC)
    last = datetime.combine(max(days) + timedelta(days=1), datetime.min.time(), UTC)
    return (
        Comparison(dashboard.minute, Operator.GREATER_EQUAL, (first,)),
        Comparison(dashboard.minute, Operator.LESS, (last,)),
    )


def _midnight(day: date) -> str:
    return f"TIMESTAMPTZ '{day} 00:00:00+00'"


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _slice_numbers(rows: "pyarrow.Table", dashboard: Dashboard, book: Book) -> "NDArray[np.int64]":
    """Of each row the number of its slice."""
    import numpy as np

    combined = np.zeros(rows.num_rows, dtype=np.int64)
    dictionaries: list[list[str | None]] = []
    for index in range(1 + len(dashboard.dimensions)):
        encoded = rows.column(f"key_{index}").dictionary_encode("encode").combine_chunks()
        dictionaries.append(encoded.dictionary.to_pylist())
        combined = combined * max(1, len(dictionaries[-1])) + encoded.indices.to_numpy().astype(np.int64)
    codes, inverse = np.unique(combined, return_inverse=True)
    numbers = np.array([book.number(_slice(int(code), dictionaries)) for code in codes], dtype=np.int64)
    return numbers[inverse] if len(codes) else combined


def _slice(code: int, dictionaries: list[list[str | None]]) -> Slice:
    values: list[str | None] = []
    for dictionary in reversed(dictionaries):
        code, place = divmod(code, max(1, len(dictionary)))
        values.append(dictionary[place])
    market, *rest = reversed(values)
    return Slice(market, tuple(rest))


def _whole(values: "pyarrow.ChunkedArray", column: str) -> "tuple[NDArray, int]":
    """The values as whole numbers of their last digit, NULL as nothing, and the decimal places; floats as they are."""
    import numpy as np
    import pyarrow
    import pyarrow.compute as pc

    kind = values.type
    if pyarrow.types.is_decimal(kind):
        filled = pc.fill_null(values, 0).combine_chunks()
        parts = filled.chunks if isinstance(filled, pyarrow.ChunkedArray) else [filled]
        halves = [
            np.frombuffer(part.buffers()[1], np.int64).reshape(-1, 2)[part.offset :][: len(part)] for part in parts
        ]
        both = np.concatenate(halves) if halves else np.zeros((0, 2), np.int64)
        if not np.array_equal(both[:, 1], both[:, 0] >> 63):
            raise HeadwaterError(
                f"Values of {column} are too great to be summed: they have more than 18 digits",
                next_command="show another column on the dashboard",
            )
        return both[:, 0].copy(), kind.scale
    if pyarrow.types.is_floating(kind):
        return pc.fill_null(values, 0.0).to_numpy().astype(np.float64), FLOATING
    return pc.fill_null(values.cast(pyarrow.int64()), 0).to_numpy().astype(np.int64), 0


def _block(
    day: date, numbers: "NDArray[np.int64]", minutes: "NDArray[np.int64]", values: "dict[str, NDArray]"
) -> Block:
    import numpy as np

    within = minutes - first_minute(day)
    here = np.flatnonzero((within >= 0) & (within < DAY_MINUTES))
    place = numbers[here] * DAY_MINUTES + within[here]
    order = np.argsort(place, kind="stable")
    rows = here[order]
    running = {
        column: np.concatenate([np.zeros(1, found.dtype), np.cumsum(found[rows])]) for column, found in values.items()
    }
    return Block(day, place[order], running)
