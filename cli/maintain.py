"""`headwater maintain`: keeps the lake clean."""

import json

import click
from rich.console import Console
from rich.table import Table

from headwater.stack import Stack
from headwater.upkeep.duty import Outcome

_JSON = (
    "{dry_run, undeclared: [table], outcomes: [{duty, table, found, found_bytes, done, left, fault,"
    " before: {snapshots, tags, files, bytes, live_files, live_bytes, level0}, after: {…}}]}"
)


@click.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--dry-run", is_flag=True, help="Say what there is to do, and change nothing.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="Declarations; default: the running stack's.")
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON: {_JSON}.")
def command(tables: tuple[str, ...], dry_run: bool, warehouse: str | None, as_json: bool) -> None:
    """Expire, compact, and remove orphan files: of all declared tables, or of the TABLEs named.

    Dagster does the same each night (the assets maintenance/*). A stream's job expires the snapshots of its table and
    compacts it by itself: of such a table only tags that were left behind and orphan files go. Snapshots of reports
    are kept for a week, ten of them in any case. Orphans are looked for before they are removed, and are a week old.

    Tables that no model declares are named and left alone.

    Exit status 1 when a table is not as it should be afterwards.
    """
    from cli.options import table_names
    from resources.declarations import warehouse as declarations
    from resources.upkeep.round import keep_clean, undeclared

    stack = Stack.resolve(warehouse)
    tell = None if as_json else lambda outcome: click.echo(f"{outcome.duty} {outcome.table}", err=True)
    names = table_names(tables)
    outcomes = keep_clean(stack, tables=names, dry_run=dry_run, on_outcome=tell or (lambda _outcome: None))
    others = undeclared(stack, declarations(stack))
    if as_json:
        said = {"dry_run": dry_run, "undeclared": [str(name) for name in others]}
        click.echo(json.dumps({**said, "outcomes": [_as_json(outcome) for outcome in outcomes]}, indent=2))
    else:
        Console().print(_shown(outcomes))
        for outcome in outcomes:
            for said in (
                outcome.done,
                outcome.left and f"left: {outcome.left}",
                outcome.fault and f"✗ {outcome.fault}",
            ):
                if said:
                    click.echo(f"{outcome.table}: {said}")
        if others:
            click.echo(f"Not declared, and left alone: {', '.join(map(str, others))}")
    raise click.exceptions.Exit(1 if any(outcome.fault for outcome in outcomes) else 0)


def _shown(outcomes: tuple[Outcome, ...]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("table", "duty", "found", "snapshots", "tags", "files", "MB", "level 0"):
        shown.add_column(name, justify="left" if name in ("table", "duty") else "right", no_wrap=True)
    for outcome in outcomes:
        before, after = outcome.before, outcome.after
        shown.add_row(
            str(outcome.table),
            outcome.duty.value,
            str(outcome.found),
            _change(before.snapshots, after.snapshots),
            _change(len(before.tags), len(after.tags)),
            _change(before.files, after.files),
            _change(round(before.bytes / 1e6, 1), round(after.bytes / 1e6, 1)),
            _change(before.level0, after.level0),
        )
    return shown


def _change(before: float, after: float) -> str:
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"


def _as_json(outcome: Outcome) -> dict[str, object]:
    def files(which: str) -> dict[str, int]:
        found = outcome.before if which == "before" else outcome.after
        return {
            "snapshots": found.snapshots,
            "tags": len(found.tags),
            "files": found.files,
            "bytes": found.bytes,
            "live_files": found.live_files,
            "live_bytes": found.live_bytes,
            "level0": found.level0,
        }

    return {
        "duty": outcome.duty.value,
        "table": str(outcome.table),
        "found": outcome.found,
        "found_bytes": outcome.found_bytes,
        "done": outcome.done,
        "left": outcome.left,
        "fault": outcome.fault,
        "before": files("before"),
        "after": files("after"),
    }
