"""Expected and found rows side by side: aligned, with the cells that differ marked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from headwater.fixtures.comparison import Aligned
from headwater.fixtures.fixture import Row
from headwater.fixtures.value import told

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.text import Text

_EQUAL_ROWS = 5


def diff(columns: Sequence[str], aligned: Sequence[Aligned]) -> "Padding":
    """A table: `≠` rows with `expected → found` in the cells that differ, `−` missing, `+` not expected, a few equal.

    Columns that are NULL in every row that is shown are left out.
    """
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    equal = [row for row in aligned if row.is_same][:_EQUAL_ROWS]
    rows = [row for row in aligned if not row.is_same or any(row is other for other in equal)]
    sides = [side for row in rows for side in (row.expected, row.found) if side]
    columns = [name for name in columns if any(side.get(name) is not None for side in sides)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", *columns):
        table.add_column(name, no_wrap=True)
    for row in rows:
        mark, style = _mark(row)
        table.add_row(Text(mark, style=style), *(_cell(row, name, style) for name in columns))
    left = sum(row.is_same for row in aligned) - len(equal)
    if left:
        table.add_row(Text("="), Text(f"{left} more rows are as expected", style="dim"))
    return Padding(table, (0, 0, 0, 6), expand=False)


def as_json(row: Aligned) -> dict[str, Any]:
    """A difference for programs: values as text, as they are written in fixtures; NULL as null."""
    return {"expected": _plain(row.expected), "found": _plain(row.found), "columns": list(row.differing)}


def _mark(row: Aligned) -> tuple[str, str]:
    if row.found is None:
        return "−", "red"
    if row.expected is None:
        return "+", "red"
    return ("=", "dim") if row.is_same else ("≠", "yellow")


def _cell(row: Aligned, name: str, style: str) -> "Text":
    from rich.text import Text

    if name in row.differing and row.expected is not None and row.found is not None:
        return Text(f"{told(row.expected.get(name))} → {told(row.found.get(name))}", style="bold red")
    side = row.expected if row.expected is not None else row.found or {}
    return Text(told(side.get(name)), style=style if style != "yellow" else "")


def _plain(row: Row | None) -> dict[str, str | None] | None:
    return None if row is None else {name: None if value is None else told(value) for name, value in row.items()}
