"""`headwater lag`: how far behind event time each table is."""

import json
from datetime import UTC, datetime, timedelta

import click
from rich.console import Console
from rich.table import Table

from cli.clock import elapsed, iso, local
from headwater.stack import Stack


@click.command()
@click.option(
    "--warehouse", type=click.Path(file_okay=False), help="Folder of declarations; default: the running stack's."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {as_of, tables: [{model, lag_seconds, …}]}.")
def command(warehouse: str | None, as_json: bool) -> None:
    """Show each streaming table's event-time lag against its promise.

    A table's newest snapshot carries a watermark: every event up to it is in the table. Lag is the time from there
    to now, less the lateness that the sources declare. Commits that carry no data do not make it smaller.

    Exit status 1 when a table is staler than its `fail_after`.
    """
    from resources.declarations import warehouse as declarations
    from resources.status import tables

    stack = Stack.resolve(warehouse)
    now = datetime.now(UTC)
    found = [table for table in tables(stack, declarations(stack), now) if table.lag is not None]
    if as_json:
        rows = [
            {
                "model": str(table.model),
                "lag_seconds": round(table.lag.total_seconds(), 3) if table.lag is not None else None,
                "watermark": iso(table.snapshot.watermark) if table.snapshot else None,
                "snapshot": table.snapshot.id if table.snapshot else None,
                "committed_at": iso(table.snapshot.committed_at) if table.snapshot else None,
                "verdict": table.verdict,
                "warn_after_seconds": _seconds(table.freshness.warn_after) if table.freshness else None,
                "fail_after_seconds": _seconds(table.freshness.fail_after) if table.freshness else None,
            }
            for table in found
        ]
        click.echo(json.dumps({"as_of": iso(now), "tables": rows}, indent=2))
    else:
        shown = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("table", "lag", "promise", "verdict", "watermark", "snapshot"):
            shown.add_column(name, justify="right" if name in ("lag", "snapshot") else "left", no_wrap=True)
        for table in found:
            shown.add_row(
                str(table.model),
                elapsed(table.lag),
                elapsed(table.freshness.fail_after) if table.freshness else "none",
                table.verdict,
                local(table.snapshot.watermark) if table.snapshot else "–",
                str(table.snapshot.id) if table.snapshot else "–",
            )
        Console().print(shown)
        if not found:
            click.echo("No table has a watermark yet: headwater status shows what runs.")
    raise click.exceptions.Exit(1 if any(table.verdict == "stale" for table in found) else 0)


def _seconds(value: timedelta | None) -> float | None:

    return None if value is None else value.total_seconds()
