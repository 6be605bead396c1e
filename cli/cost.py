"""`headwater cost`: what each asset costs, the dearest first."""

import json

import click
from rich.console import Console
from rich.table import Table

from cli.clock import elapsed, iso
from headwater.cost.bill import Bill, Usage
from headwater.cost.prices import GIGABYTE
from headwater.duration import parse_duration
from headwater.stack import Stack

_JSON = (
    "{as_of, currency, assets: [{model, cores, cpu_share, cpu_seconds, since, state_bytes, kept_bytes, table_bytes,"
    " table_files, held_bytes, held_files, month: {cpu, storage, state, total}}], overhead: [{process, cores}]}"
)


@click.command()
@click.option("--warehouse", type=click.Path(file_okay=False), help="Declarations; default: the running stack's.")
@click.option(
    "--over", metavar="DURATION", help="Measure the jobs' CPU for so long, as 1m; default: since each came to run."
)
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON: {_JSON}.")
def command(warehouse: str | None, over: str | None, as_json: bool) -> None:
    """Rank the tables by what they cost: their job or report runs, their job's state, their files.

    CPU is in cores, on average. A job's is its share of what Flink's worker process used, by the time that its tasks
    worked; a report's that of its runs in Dagster in the last 30 days. State counts all that is kept of it. Held are
    files that the newest snapshot does not need: older snapshots, changelogs, tags, orphans.

    Money needs prices.yaml in the warehouse, and is that of a month at this rate. Without it the table with the most
    CPU comes first.
    """
    from resources.cost.bill import bill

    try:
        span = parse_duration(over) if over else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--over") from error
    found = bill(Stack.resolve(warehouse), span)
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
        return
    Console().print(_shown(found))
    cores = sum(each.cores for each in found.overhead)
    named = ", ".join(f"{each.process} {each.cores:.3f}" for each in found.overhead if each.cores >= 0.0005)
    click.echo(f"\nFor all of them together: {cores:.3f} cores ({named or 'nothing'}).")
    if found.prices is None:
        click.echo("No prices are declared: put prices.yaml into the warehouse to see money.")


def _shown(found: Bill) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    money = (f"{found.prices.currency}/month",) if found.prices else ()
    for name in ("table", *money, "CPU", "share", "over", "state", "files", "bytes", "held"):
        shown.add_column(name, justify="left" if name == "table" else "right", no_wrap=True)
    for usage in found.assets:
        charge = found.charge(usage)
        table = usage.table
        shown.add_row(
            str(usage.model),
            *([f"{charge.total:,.2f}"] if charge else []),
            f"{usage.cores:.3f}" if usage.cpu else "–",
            f"{found.cpu_share(usage):.0%}" if usage.cpu else "–",
            elapsed(found.at - usage.cpu.since) if usage.cpu else "–",
            _size(usage.kept_bytes),
            f"{table.files:,}" if table else "–",
            _size(usage.table_bytes),
            _size(table.held_bytes) if table else "–",
        )
    return shown


def _as_json(found: Bill) -> dict[str, object]:
    return {
        "as_of": iso(found.at),
        "currency": found.prices.currency if found.prices else None,
        "assets": [_asset(found, usage) for usage in found.assets],
        "overhead": [{"process": each.process, "cores": round(each.cores, 4)} for each in found.overhead],
    }


def _asset(found: Bill, usage: Usage) -> dict[str, object]:
    charge, table = found.charge(usage), usage.table
    return {
        "model": str(usage.model),
        "cores": round(usage.cpu.per_second, 5) if usage.cpu else None,
        "cpu_share": round(found.cpu_share(usage), 4) if usage.cpu else None,
        "cpu_seconds": round(usage.cpu.seconds, 3) if usage.cpu else None,
        "since": iso(usage.cpu.since) if usage.cpu else None,
        "state_bytes": usage.state_bytes,
        "kept_bytes": usage.kept_bytes,
        "table_bytes": usage.table_bytes,
        "table_files": table.files if table else 0,
        "held_bytes": table.held_bytes if table else 0,
        "held_files": table.held_files if table else 0,
        "month": charge
        and {
            "cpu": round(charge.cpu, 4),
            "storage": round(charge.storage, 4),
            "state": round(charge.state, 4),
            "total": round(charge.total, 4),
        },
    }


def _size(size: int) -> str:
    return f"{size / GIGABYTE:,.2f} GB" if size >= GIGABYTE / 10 else f"{size / 1e6:,.1f} MB"
