"""`headwater lag`: how far behind its sources each table is, and at which step the time goes."""

import json
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.clock import elapsed, iso, local, seconds
from cli.options import table_names
from headwater.lag.hops import NO_TIME, Hop, State
from headwater.stack import Stack


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--warehouse", type=click.Path(file_okay=False), help="Folder of declarations; default: the running stack's."
)
@click.option("--hops", is_flag=True, help="Show every step on the way of the data, with what waits in front of it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {as_of, tables: [{model, behind_seconds, …}]}.")
def command(models: tuple[str, ...], warehouse: str | None, hops: bool, as_json: bool) -> None:
    """Show how far each streaming table is behind its sources, against its promise.

    Lag is the age of the oldest data that a source has and the table has not. A table that has everything is not
    behind, however long ago the last event was: it is «quiet» then. The slowest hop is where that data waits.

    Exit status 1 when a table is staler than its `fail_after`.
    """
    from resources.declarations import warehouse as declarations
    from resources.deploy import known
    from resources.status import TableStatus, tables

    def as_dict(table: TableStatus) -> dict[str, Any]:
        lag, snapshot = table.lag, table.snapshot
        promise = lag.promise if lag else None
        return {
            "model": str(table.model),
            "behind_seconds": seconds(table.behind),
            "verdict": table.state.value,
            "warn_after_seconds": seconds(promise.warn_after) if promise else None,
            "fail_after_seconds": seconds(promise.fail_after) if promise else None,
            "slowest_hop": _hop_dict(lag.guilty) if lag and lag.guilty else None,
            "hops": [_hop_dict(hop) for hop in lag.hops] if lag else [],
            "lag_seconds": seconds(lag.watermark_lag) if lag else None,
            "watermark": iso(snapshot.watermark) if snapshot else None,
            "newest_event": iso(lag.newest_event) if lag else None,
            "newest_arrival": iso(lag.newest_arrival) if lag else None,
            "snapshot": snapshot.id if snapshot else None,
            "committed_at": iso(snapshot.committed_at) if snapshot else None,
            "unmeasured": (lag.unmeasured or None) if lag else None,
        }

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    names = table_names(models)
    known(declared, names)
    now = datetime.now(UTC)
    found = [table for table in tables(stack, declared, now) if table.lag and (not names or table.model in names)]
    if as_json:
        click.echo(json.dumps({"as_of": iso(now), "tables": [as_dict(table) for table in found]}, indent=2))
    else:
        console = Console()
        shown = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("table", "behind", "promise", "verdict", "slowest hop"):
            shown.add_column(
                name, justify="right" if name in ("behind", "promise") else "left", no_wrap=name != "slowest hop"
            )
        for table in found:
            lag = table.lag
            shown.add_row(
                str(table.model),
                elapsed(table.behind),
                elapsed(lag.promise.fail_after) if lag and lag.promise else "none",
                table.state.value,
                lag.guilty.label if lag and lag.guilty else "–",
            )
        console.print(shown)
        if hops:
            console.print()
            console.print(_hop_table([hop for table in found if table.lag for hop in table.lag.hops]))
        for reason in dict.fromkeys(table.lag.unmeasured for table in found if table.lag and table.lag.unmeasured):
            click.echo(f"not measured: {reason}; «behind» goes by the watermark there")
        click.echo(f"as of {local(now)}")
    raise click.exceptions.Exit(1 if any(table.state is State.STALE for table in found) else 0)


def _hop_table(hops: list[Hop]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("hop", "step", "waiting", "oldest", "here for"):
        shown.add_column(name, justify="left" if name in ("hop", "step") else "right", no_wrap=True)
    for hop in dict.fromkeys(hops):
        way = str(hop.table) if hop.source == hop.table else f"{hop.source} → {hop.table}"
        shown.add_row(
            way,
            hop.kind.value,
            "–" if hop.waiting is None else f"{hop.waiting:,}",
            elapsed(hop.age) if hop.age > NO_TIME else "–",
            elapsed(hop.own) if hop.own > NO_TIME else "–",
        )
    return shown


def _hop_dict(hop: Hop) -> dict[str, Any]:
    return {
        "hop": hop.kind.value,
        "table": str(hop.table),
        "source": str(hop.source),
        "age_seconds": seconds(hop.age),
        "own_seconds": seconds(hop.own),
        "waiting": hop.waiting,
    }
