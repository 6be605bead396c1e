"""`headwater query`: SQL over the lake, at pinned snapshots."""

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.text import Text

    from headwater.batch import Served
    from headwater.model import TableName
    from resources.duckdb import Session
    from resources.query import Answer, Moment

# A terminal shows no more unless asked; --json gives everything.
SHOWN = 1000


def _moments(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> "Mapping[TableName, Moment] | Moment | None":
    from resources.query import parse_moments

    try:
        return parse_moments(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _values(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, mark, _ in pairs:
        if not mark or not name.isidentifier():
            raise click.BadParameter(f"«{name}» is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _instant(context: click.Context, parameter: click.Parameter, given: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(given) if given else None
    except ValueError:
        found = None
    if given and (found is None or found.tzinfo is None):
        raise click.BadParameter(f"«{given}» is no instant; write it with its zone, as 2026-11-22T10:00Z")
    return found


@click.command("query")
@click.argument("sql", required=False)
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run the query in this file."
)
@click.option(
    "--set", "values", multiple=True, callback=_values, metavar="NAME=VALUE", help="The value of $NAME in the query."
)
@click.option(
    "--now", callback=_instant, metavar="INSTANT", help="What the calendar takes for now, as 2026-11-22T10:00Z."
)
@click.option(
    "--at",
    multiple=True,
    callback=_moments,
    metavar="TABLE=SNAPSHOT",
    help="Read this snapshot instead of the newest: its number, a tag, or a time, for the newest one committed by then."
    " Without TABLE a time goes for every table, a number or tag for the only one.",
)
@click.option(
    "--lake",
    metavar="ADDRESS",
    help="Read the lake in this folder, or in an object store, s3://BUCKET/PREFIX, instead of the stack's own.",
)
@click.option("--limit", type=click.IntRange(min=1), help=f"Give this many rows at most ({SHOWN} without --json).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, alone.")
def command(
    sql: str | None,
    file: Path | None,
    values: dict[str, str],
    now: datetime | None,
    at: "Mapping[TableName, Moment] | Moment | None",
    lake: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Run SQL (DuckDB's dialect) over the lake's tables.

    Every table is read at one snapshot, its newest unless --at says otherwise, and the answer names it.
    Times in the SQL are UTC; the printed table shows instants in your own zone.

    calendar.local_day, calendar.local_month and calendar.so_far can be joined: each market's days and months, and how
    much of a day is comparable with today so far.

    \b
    headwater query "SELECT market, count(*) FROM dwd.orders GROUP BY market"
    headwater query "SELECT sum(revenue) FROM dm.kpi_minute" --at 412
    headwater query --file warehouse/queries/today_so_far.sql --set against=2026-11-15
    headwater query "SELECT sum(revenue) FROM dm.kpi_minute" --at 2026-11-22T08:00Z
    headwater query "SELECT count(*) FROM dwd.orders" --lake s3://bucket/lake

    With --json: {rows: [{column: value}], snapshots: {table: id}, as_of, read: {table: {path, plain, merged,
    native, reason}}}. Instants are ISO-8601 in UTC with Z, a
    DECIMAL is a string (a JSON number would lose digits), bytes are hexadecimal. as_of is the oldest commit among the
    snapshots.
    """
    from resources.declarations import warehouse
    from resources.paimon.lakefiles import lake_at
    from resources.query import answer, with_values

    if (sql is None) == (file is None):
        raise click.UsageError("give a query, or a file with one by --file")
    text = with_values(file.read_text(encoding="utf-8") if file else sql or "", values)
    stack = Stack.resolve()
    progress = _Progress()
    try:
        found = answer(
            stack.lake if lake is None else lake_at(lake),
            text,
            at=at,
            limit=limit or (None if as_json else SHOWN),
            waiting=progress.tick,
            markets=lambda: warehouse(stack).markets,
            now=now,
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
    """How far it is, on stderr, once a query takes longer than two seconds and someone watches."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = False

    def tick(self, session: "Session") -> None:
        if sys.stderr.isatty() and time.monotonic() - self._started > 2:
            self._shown = True
            seconds = time.monotonic() - self._started
            done = f"{max(session.progress, 0):.0f} %"
            click.echo(f"\r{done}, {seconds:.0f} s (Ctrl-C stops)\033[K", err=True, nl=False)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
            self._shown = False


def _print_json(found: "Answer") -> None:
    import json

    from resources.jsonrows import json_instant, json_rows

    as_of = found.as_of
    document = {
        "rows": json_rows(found.rows.columns, found.rows.rows),
        "snapshots": {str(pinned.table): pinned.snapshot.id for pinned in found.inputs},
        "as_of": None if as_of is None else json_instant(as_of),
        "read": {str(table): _read(served) for table, served in found.served.items()},
    }
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _read(served: "Served") -> dict[str, str | int]:
    """By which path a table was read, with the files of each."""
    return {
        "path": served.path,
        "plain": served.files,
        "merged": served.merged,
        "native": served.native,
        "reason": served.reason,
    }


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
    return Text(value.hex() if isinstance(value, bytes) else str(value))


def _local(instant: datetime) -> str:
    return _clock(instant.astimezone().replace(tzinfo=None))


def _clock(local: datetime) -> str:
    return local.isoformat(" ", timespec="microseconds" if local.microsecond % 1000 else "milliseconds")


def _footer(found: "Answer") -> str:
    count = len(found.rows.rows)
    parts = [
        f"{count:,} row{'' if count == 1 else 's'}" + (" (there are more: --limit)" if found.rows.truncated else "")
    ]
    parts += [
        f"{pinned.table} at snapshot {pinned.snapshot.id} ({found.served[pinned.table]})" for pinned in found.inputs
    ]
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
