"""`headwater query`: SQL over the lake, at pinned snapshots."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.model import TableName
from headwater.stack import Stack

if TYPE_CHECKING:
    from rich.text import Text

    from resources.duckdb import Session
    from resources.query import Answer

# A terminal shows no more unless asked; --json gives everything.
SHOWN = 1000


def _snapshots(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[TableName, int] | int:
    """`TABLE=SNAPSHOT` any number of times, or one bare number."""
    if len(given) == 1 and given[0].isdigit():
        return int(given[0])
    chosen = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            chosen[TableName.parse(name)] = int(number)
        except ValueError:
            raise click.BadParameter(
                f"«{text}» is neither TABLE=SNAPSHOT, such as dwd.orders=42, nor a number"
            ) from None
    return chosen


@click.command("query")
@click.argument("sql")
@click.option(
    "--at",
    multiple=True,
    callback=_snapshots,
    metavar="TABLE=SNAPSHOT",
    help="Read this snapshot instead of the newest; a bare number is enough when the query reads one table.",
)
@click.option("--limit", type=click.IntRange(min=1), help=f"Give this many rows at most ({SHOWN} without --json).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, alone.")
def command(sql: str, at: dict[TableName, int] | int, limit: int | None, as_json: bool) -> None:
    """Run SQL (DuckDB's dialect) over the lake's tables.

    Every table is read at one snapshot, its newest unless --at says otherwise, and the answer names it.
    Times in the SQL are UTC; the printed table shows instants in your own zone.

    \b
    headwater query "SELECT market, count(*) FROM dwd.orders GROUP BY market"
    headwater query "SELECT sum(revenue) FROM dm.kpi_minute" --at 412

    With --json: {rows: [{column: value}], snapshots: {table: id}, as_of}. Instants are ISO-8601 in UTC with Z, a
    DECIMAL is a string (a JSON number would lose digits), bytes are hexadecimal. as_of is the oldest commit among the
    snapshots.
    """
    from resources.query import answer

    stack = Stack.resolve()
    progress = _Progress()
    try:
        found = answer(
            stack.lake, sql, at=at or None, limit=limit or (None if as_json else SHOWN), waiting=progress.tick
        )
    except KeyboardInterrupt:
        progress.clear()
        click.echo("Stopped; nothing was changed.", err=True)
        sys.exit(130)
    finally:
        progress.clear()
    if as_json:
        _print_json(found)
    else:
        _print_table(found)


class _Progress:
    """Rows read so far, on stderr, once a query takes longer than two seconds and someone watches."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = False

    def tick(self, session: "Session") -> None:
        if sys.stderr.isatty() and time.monotonic() - self._started > 2:
            self._shown = True
            seconds = time.monotonic() - self._started
            click.echo(f"\r{session.rows_read:,} rows read, {seconds:.0f} s (Ctrl-C stops)\033[K", err=True, nl=False)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
            self._shown = False


def _print_json(found: "Answer") -> None:
    import json

    names = _distinct(found.rows.columns)
    rows = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found.rows.rows]
    as_of = found.as_of
    document = {
        "rows": rows,
        "snapshots": {str(pinned.table): pinned.snapshot.id for pinned in found.inputs},
        "as_of": None if as_of is None else _iso(as_of),
    }
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _plain(value: object) -> object:
    """The value in JSON's terms."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else str(value)
        case datetime():
            return _iso(value) if value.tzinfo else value.isoformat()
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case _:
            return str(value)


def _iso(instant: datetime) -> str:
    text = instant.astimezone(UTC).isoformat(timespec="microseconds" if instant.microsecond % 1000 else "milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _distinct(columns: tuple[str, ...]) -> list[str]:
    """Column names, a repeated one numbered from its second time on: a, a_2."""
    names: list[str] = []
    for column in columns:
        name, count = column, 1
        while name in names:
            count += 1
            name = f"{column}_{count}"
        names.append(name)
    return names


def _print_table(found: "Answer") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    numeric = ("INT", "DECIMAL", "DOUBLE", "FLOAT")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column, kind in zip(found.rows.columns, found.rows.types, strict=True):
        table.add_column(column, justify="right" if any(part in kind for part in numeric) else "left")
    for row in found.rows.rows:
        table.add_row(*(_shown(value) for value in row))
    # Away from a terminal nothing may be cut off to fit a width.
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100_000)
    if found.rows.columns:
        console.print(table)
    click.echo(_footer(found))


def _shown(value: object) -> "Text":
    from rich.text import Text

    if value is None:
        return Text("NULL", style="dim")
    if isinstance(value, datetime):
        return Text(_local(value) if value.tzinfo else _clock(value))
    return Text(str(_plain(value)) if isinstance(value, bytes) else str(value))


def _local(instant: datetime) -> str:
    return _clock(instant.astimezone().replace(tzinfo=None))


def _clock(local: datetime) -> str:
    return local.isoformat(" ", timespec="microseconds" if local.microsecond % 1000 else "milliseconds")


def _footer(found: "Answer") -> str:
    count = len(found.rows.rows)
    parts = [
        f"{count:,} row{'' if count == 1 else 's'}" + (" (there are more: --limit)" if found.rows.truncated else "")
    ]
    parts += [f"{pinned.table} at snapshot {pinned.snapshot.id}" for pinned in found.inputs]
    if found.as_of is not None:
        parts.append(f"as of {_local(found.as_of)}")
    if found.as_of is not None or any("TIME ZONE" in kind for kind in found.rows.types):
        parts.append(f"times in {_zone_name()}")
    return " · ".join(parts)


def _zone_name() -> str:
    """The viewer's zone: its IANA name where the system tells it, else the offset in force."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if named:
        return named
    try:
        _, found, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    except OSError:
        found = name = ""
    return name if found else datetime.now().astimezone().strftime("UTC%z")
