"""`headwater backfill`: compute a report's past days again."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from headwater.model import Market, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack

if TYPE_CHECKING:
    from headwater.batch import Partition, ReportResult

# One commit each: enough days for DuckDB to share a scan, few enough that stopping loses little.
DATES_AT_ONCE = 7


@click.command("backfill")
@click.argument("model")
@click.option("--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First local date.")
@click.option("--to", "last", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last local date, included.")
@click.option("--market", "markets", multiple=True, help="Only this market; may be given more than once.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, alone.")
def command(
    model: str, first: datetime, last: datetime, markets: tuple[str, ...], warehouse: str | None, as_json: bool
) -> None:
    """Compute a report's days again, from the newest data, and replace them.

    A day is local to its market; of a report by months, every month with a day in between is computed. Days are
    written seven at a time, each batch in one commit: stopping in between leaves whole batches, and the same command
    again gives the same rows. Tables kept by a Flink job are not backfilled.

    \b
    headwater backfill rpt.daily_orders --from 2026-11-01 --to 2026-11-30
    headwater backfill rpt.daily_orders --from 2026-11-22 --to 2026-11-22 --market hk --market tw

    With --json: {model, batches: [{snapshot, rows, seconds, inputs: {table: id}, partitions: [{market, local_date,
    rows, complete}]}]}. A partition is complete when its day was over and the inputs had passed its end.
    """
    from headwater.calendar import partitions
    from resources.declarations import warehouse as declarations
    from resources.report import refuse_other_than_report

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    report = declared.model(_known(declared, model))
    refuse_other_than_report(report)
    if last < first:
        raise click.BadParameter(f"--to {last.date()} is before --from {first.date()}")
    chosen = _markets(declared, markets)
    wanted = list(partitions(chosen, first.date(), last.date(), report.grain))
    size = DATES_AT_ONCE * len(chosen)
    batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    done = _run(stack, declared, report.name, batches, markets)
    if as_json:
        click.echo(json.dumps({"model": model, "batches": [_document(result) for result in done]}))
    else:
        _print_summary(done)


def _known(declared: Warehouse, model: str) -> TableName:
    try:
        name = TableName.parse(model)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if name not in declared:
        reports = ", ".join(str(report.name) for report in declared.reports) or "none"
        raise HeadwaterError(
            f"There is no model {model}", left=f"the reports are {reports}", next_command="headwater validate"
        )
    return name


def _markets(declared: Warehouse, codes: Sequence[str]) -> tuple[Market, ...]:
    try:
        chosen = tuple(declared.market(code) for code in dict.fromkeys(codes)) or declared.markets
    except KeyError as error:
        known = ", ".join(market.code for market in declared.markets) or "none"
        raise click.BadParameter(f"there is no market {error.args[0]}; there are {known}") from None
    if not chosen:
        raise HeadwaterError(
            "The warehouse declares no market, so no day is local to one", next_command="add markets.yaml"
        )
    return chosen


def _run(
    stack: Stack, declared: Warehouse, name: TableName, batches: Sequence[Sequence["Partition"]], markets: Sequence[str]
) -> list["ReportResult"]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from resources.report import run_report

    done: list[ReportResult] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(str(name), total=sum(map(len, batches)))
        try:
            for batch in batches:
                progress.update(task, description=f"{name} from {batch[0].local_date}")
                done.append(run_report(stack, declared.model(name), batch, markets=declared.markets))
                progress.advance(task, len(batch))
        except KeyboardInterrupt:
            progress.stop()
            click.echo(_stopped(name, batches, len(done), markets), err=True)
            sys.exit(130)
        except HeadwaterError as error:
            if not done:
                raise
            raise HeadwaterError(
                error.failed,
                left=f"written: every day before {batches[len(done)][0].local_date}",
                next_command=f"{error.next_command}; then {_rest(name, batches, len(done), markets)}",
            ) from error
    return done


def _stopped(name: TableName, batches: Sequence[Sequence["Partition"]], done: int, markets: Sequence[str]) -> str:
    if done == len(batches):
        return "Stopped after the last day was written."
    written = f"written: every day before {batches[done][0].local_date}" if done else "nothing was written"
    return f"Stopped; {written}.\n  next:  {_rest(name, batches, done, markets)}"


def _rest(name: TableName, batches: Sequence[Sequence["Partition"]], done: int, markets: Sequence[str]) -> str:
    """The command that does what is left."""
    first: date = batches[done][0].local_date
    last: date = batches[-1][-1].local_date
    chosen = "".join(f" --market {market}" for market in markets)
    return f"headwater backfill {name} --from {first} --to {last}{chosen}"


def _document(result: "ReportResult") -> dict:
    return {
        "snapshot": result.snapshot_id,
        "rows": result.rows,
        "seconds": round(result.seconds, 3),
        "inputs": {str(pinned.table): pinned.snapshot.id for pinned in result.run.inputs},
        "partitions": [
            {
                "market": part.partition.market,
                "local_date": part.partition.local_date.isoformat(),
                "rows": part.rows,
                "complete": part.complete,
            }
            for part in result.partitions
        ],
    }


def _print_summary(done: Sequence["ReportResult"]) -> None:
    for result in done:
        parts = result.partitions
        inputs = ", ".join(f"{pinned.table} at {pinned.snapshot.id}" for pinned in result.run.inputs)
        first, last = parts[0].partition.local_date, parts[-1].partition.local_date
        click.echo(
            f"{first} to {last}: {len(parts)} partitions, {result.rows:,} rows, snapshot {result.snapshot_id}"
            f" (from {inputs}), {result.seconds:.1f} s"
        )
        unfinished = [str(part.partition) for part in parts if not part.complete]
        if unfinished:
            shown = ", ".join(unfinished[:5]) + (f" and {len(unfinished) - 5} more" if len(unfinished) > 5 else "")
            click.echo(f"  not complete yet: {shown}")
