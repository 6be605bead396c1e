"""An answer as people read it: so many rows as text, in a chosen order, and all of them as CSV."""

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resources.jsonrows import json_instant, json_value
from serving.analysis.question import Reply
from serving.dashboard.wording import NARROW

if TYPE_CHECKING:
    import pyarrow

MOST_ROWS = 500
_MOST_CELLS = 20_000
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Order:
    """By which column, counted from 0, and whether the greatest comes first. NULL comes last."""

    column: int
    is_down: bool = False


def shown(reply: Reply, order: Order | None = None) -> dict[str, Any]:
    """What the browser shows of an answer: plain texts, None for NULL; long ones are cut.

    Rows are ordered over the whole answer, then cut off.
    """
    table = _ordered(_table(reply), order)
    most = max(1, min(MOST_ROWS, _MOST_CELLS // max(1, table.num_columns)))
    columns = [
        {"label": field.name, "numeric": _is_number(field.type), "sortable": _is_sortable(field.type)}
        for field in table.schema
    ]
    parts = [[_cut(text_of(value)) for value in column.to_pylist()] for column in table.slice(0, most).columns]
    return {
        "columns": columns,
        "rows": [list(row) for row in zip(*parts, strict=True)],
        "words": _words(reply, min(most, table.num_rows)),
        "order": None if order is None else {"column": order.column, "down": order.is_down},
        "snapshots": [
            {
                "table": name,
                "id": number,
                "upTo": json_instant(reply.watermarks[name]) if name in reply.watermarks else "",
            }
            for name, number in reply.snapshots.items()
        ],
    }


def csv_of(reply: Reply) -> bytes:
    """All rows of an answer as CSV (RFC 4180), UTF-8, a heading first. NULL is an empty field."""
    table = _table(reply)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(table.column_names)
    columns = [[text_of(value) for value in column.to_pylist()] for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().encode()


def text_of(value: object) -> str | None:
    """A value in words of SQL's answer: an instant as ISO 8601 in UTC, a nested value as JSON; None for NULL."""
    plain = json_value(value)
    if plain is None or isinstance(plain, str):
        return plain
    if isinstance(plain, float):
        return repr(plain)
    return json.dumps(plain, ensure_ascii=False)


def _table(reply: Reply) -> "pyarrow.Table":
    import pyarrow

    return pyarrow.ipc.open_stream(pyarrow.py_buffer(reply.arrow)).read_all()


def _ordered(table: "pyarrow.Table", order: Order | None) -> "pyarrow.Table":
    import pyarrow

    if order is None or not 0 <= order.column < table.num_columns:
        return table
    column = table.column(order.column)
    if not _is_sortable(column.type):
        return table
    # By the column beside its places: a table may have two columns of a name.
    places = pyarrow.array(range(table.num_rows), pyarrow.int64())
    pairs = pyarrow.Table.from_arrays([column, places], names=["by", "place"])
    return table.take(pairs.sort_by([("by", "descending" if order.is_down else "ascending")]).column("place"))


def _is_number(kind: "pyarrow.DataType") -> bool:
    import pyarrow.types as types

    return types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)


def _is_sortable(kind: "pyarrow.DataType") -> bool:
    import pyarrow

    try:
        pyarrow.array([], kind).sort()
    except pyarrow.ArrowNotImplementedError:
        return False
    return True


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _words(reply: Reply, shown_rows: int) -> str:
    took = f"in {reply.seconds:,.2f}{NARROW}s"
    rows = "1 row" if reply.rows == 1 else f"{reply.rows:,} rows"
    if reply.truncated:
        rows = f"The first {rows} of more: the answer is cut off there"
    if shown_rows < reply.rows:
        return f"{rows}, {took}. Shown are {shown_rows:,}; a column's heading orders all of them, the files have all."
    return f"{rows}, {took}."
