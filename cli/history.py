"""`headwater history`: every edition of a report's days or months, and why it was written."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date

import click

from cli.clock import iso
from headwater.edition import Edition
from headwater.model import Grain, Model
from headwater.problem import HeadwaterError
from headwater.stack import Stack


def _day_or_month(context: click.Context, parameter: click.Parameter, given: str | None) -> str | None:
    if given is not None:
        try:
            date.fromisoformat(given if len(given) > len("2026-11") else f"{given}-01")
        except ValueError:
            raise click.BadParameter(
                f"«{given}» is neither a date, as in 2026-11-22, nor a month, as in 2026-11"
            ) from None
    return given


@click.command("history")
@click.argument("report")
@click.option("--market", "markets", multiple=True, help="Only this market; may be given more than once.")
@click.option("--date", "when", callback=_day_or_month, metavar="DATE|MONTH", help="Only this day, or this month.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Give this many at most.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, alone.")
def command(
    report: str, markets: tuple[str, ...], when: str | None, limit: int, warehouse: str | None, as_json: bool
) -> None:
    """Show every time a report's days or months were written, newest first, with the reason and what it changed.

    Each is a snapshot of the report; `headwater query --at` reads the report as it was then.

    \b
    headwater history rpt.daily_orders --market hk --date 2026-11-22
    headwater query "SELECT * FROM rpt.daily_orders WHERE market = 'hk'" --at 412

    With --json: {report, editions: [{market, period, snapshot, committed_at, rows, complete, cause, reason,
    change: {rows, totals: {column: difference}} or null, inputs: {table: id}, run}]}. The cause is one of first, asked
    for, completed, declaration changed, late data. A total is a string: a JSON number would lose digits.
    """
    from cli.options import table_names
    from resources.declarations import warehouse as declarations
    from resources.editions import history
    from resources.paimon.store import FilesystemTableStore
    from resources.report import refuse_other_than_report

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    (name,) = table_names([report])
    if name not in declared:
        known = ", ".join(str(each.name) for each in declared.reports) or "none"
        raise HeadwaterError(
            f"There is no model {name}", left=f"the reports are {known}", next_command="headwater validate"
        )
    model = declared.model(name)
    refuse_other_than_report(model)
    found = list(_chosen(history(FilesystemTableStore(stack.lake), name), markets, when, limit))
    if as_json:
        click.echo(json.dumps({"report": str(name), "editions": list(map(_document, found))}, ensure_ascii=False))
    else:
        _print(model, found)


def _chosen(editions: Iterator[Edition], markets: Sequence[str], when: str | None, limit: int) -> Iterator[Edition]:
    for edition in editions:
        if limit == 0:
            return
        part = edition.written.partition
        if (not markets or part.market in markets) and (when is None or part.period.startswith(when)):
            limit -= 1
            yield edition


def _document(edition: Edition) -> dict:
    written = edition.written
    change = None
    if written.change is not None:
        totals = {name: str(difference) for name, difference in written.change.totals}
        change = {"rows": written.change.rows, "totals": totals}
    return {
        "market": written.partition.market,
        "period": written.partition.period,
        "snapshot": edition.snapshot_id,
        "committed_at": iso(edition.committed_at),
        "rows": written.rows,
        "complete": written.complete,
        "cause": written.cause.value,
        "reason": written.reason,
        "change": change,
        "inputs": {str(table): snapshot_id for table, snapshot_id in edition.inputs.items()},
        "run": edition.run,
    }


def _print(model: Model, editions: Sequence[Edition]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if not editions:
        what = "months" if model.grain is Grain.MONTH else "days"
        click.echo(
            f"No such {what} of {model.name} have been written. next: headwater backfill {model.name} --from --to"
        )
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("market", model.grain.value, "snapshot", "written", "rows", "complete", "reason", "from"):
        table.add_column(column, justify="right" if column in ("snapshot", "rows") else "left")
    for edition in editions:
        written = edition.written
        table.add_row(
            written.partition.market,
            written.partition.period,
            str(edition.snapshot_id),
            f"{edition.committed_at.astimezone():%Y-%m-%d %H:%M:%S}",
            f"{written.rows:,}",
            "yes" if written.complete else "not yet",
            written.reason,
            ", ".join(f"{name} at {snapshot_id}" for name, snapshot_id in edition.inputs.items()),
        )
    # Away from a terminal nothing may be cut off to fit a width.
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100_000)
    console.print(table)
