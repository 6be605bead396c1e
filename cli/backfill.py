"""`headwater backfill`: compute a table's past days again."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from headwater.model import Market, Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack

if TYPE_CHECKING:
    from headwater.backfill.kind import Kind
    from headwater.batch import Partition, ReportResult

# One commit each: enough days for DuckDB to share a scan, few enough that stopping loses little.
DATES_AT_ONCE = 7


@click.command("backfill")
@click.argument("model")
@click.option(
    "--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day: UTC of a stream's table, local of a report."
)
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day, included.")
@click.option("--market", "markets", multiple=True, help="Only this market; may be given more than once.")
@click.option(
    "--kind",
    type=click.Choice(["fill", "correct", "replace", "rebuild"]),
    help="Add what is missing, write what differs (the default of a stream's table), replace whole partitions (that of "
    "a report), or make a stream's table and its job's state anew.",
)
@click.option("--only", is_flag=True, help="Leave the tables alone that depend on this one.")
@click.option("--reach", type=click.IntRange(min=0), default=1, show_default=True, help="Days more downstream.")
@click.option("--days-at-once", type=click.IntRange(min=1), default=31, show_default=True, help="Days in one commit.")
@click.option("--pause", "pauses", is_flag=True, help="Stop a job for the moment where it writes the same partitions.")
@click.option("--patience", type=click.FloatRange(min=0), default=60, show_default=True, help="Seconds to wait for it.")
@click.option("--plan", "explains", is_flag=True, help="Show the stages and change nothing.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, alone.")
def command(
    model: str,
    first: datetime | None,
    last: datetime | None,
    markets: tuple[str, ...],
    kind: str | None,
    only: bool,
    reach: int,
    days_at_once: int,
    pauses: bool,
    patience: float,
    explains: bool,
    warehouse: str | None,
    as_json: bool,
) -> None:
    """Compute a table's days again, from the newest data, and write what is wrong or missing.

    A report is computed from its tables. A day is local to its market; of a report by months, every month with a day in
    between is computed. Seven days are written at a time, each batch in one commit: stopping in between leaves whole
    batches, and the same command again gives the same rows.

    A table that a stream keeps is computed by batch from what its job reads, and held against what is there, while the
    job runs on. Days are those of its own columns. Then the tables that depend on it are looked at, in their order.
    --plan shows the stages. After a kill the same command goes on where it was cut off.

    \b
    headwater backfill rpt.daily_orders --from 2026-11-01 --to 2026-11-30
    headwater backfill rpt.daily_orders --from 2026-11-22 --to 2026-11-22 --market hk --market tw
    headwater backfill dwd.orders --from 2026-11-01 --to 2026-11-30 --plan
    headwater backfill dm.kpi_minute --from 2026-11-21 --to 2026-11-21 --kind fill --only
    headwater backfill dm.kpi_minute --kind rebuild

    With --json, of a report: {model, batches: [{snapshot, rows, seconds, inputs: {table: id}, read: {table: path},
    partitions: [{market, local_date, rows, complete}]}]}. A partition is complete when its day was over and the inputs
    had passed its end.
    Of a stream's table: {model, kind, pieces: [{model, kind, from, to, markets, engine, same, changed, missing,
    surplus, snapshot, seconds, attempts, paused_seconds, note}], reports: [{model, snapshot, partitions}], skipped}.
    """
    from headwater.backfill.kind import Kind
    from resources.declarations import warehouse as declarations

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    table = declared.model(_known(declared, model))
    if kind == Kind.REBUILD:
        _rebuild(stack, table, first, last, markets)
        return
    if first is None or last is None:
        raise click.UsageError("--from and --to say which days")
    if last < first:
        raise click.BadParameter(f"--to {last.date()} is before --from {first.date()}")
    if table.is_streaming:
        from cli.tablebackfill import backfill
        from headwater.backfill.build import Request
        from headwater.backfill.scope import Scope

        chosen = tuple(market.code for market in _markets(declared, markets)) if markets else ()
        scope = Scope(first.date(), last.date(), chosen)
        request = Request(table.name, Kind(kind or Kind.CORRECT), scope, not only, reach, days_at_once)
        backfill(stack, request, explains=explains, pauses=pauses, patience=patience, as_json=as_json)
        return
    if explains or pauses:
        raise click.UsageError(f"{table.name} is a report: there are no stages, and no job writes it")
    chosen, days = _markets(declared, markets), (first.date(), last.date())
    _make(stack, declared, table.name, days, chosen, markets, Kind(kind or Kind.REPLACE), as_json=as_json)


def _rebuild(
    stack: Stack, table: Model, first: datetime | None, last: datetime | None, markets: tuple[str, ...]
) -> None:
    from resources.deploy import deploy

    if first or last or markets:
        raise click.UsageError("a rebuild makes the whole table anew: leave --from, --to and --market out")
    done = deploy(stack, lambda line: click.echo(line, err=True), models={table.name}, rebuild={table.name})
    click.echo(f"Applied {len(done.stages)} stages.")


def _make(
    stack: Stack,
    declared: Warehouse,
    report: TableName,
    days: tuple[date, date],
    chosen: Sequence[Market],
    markets: Sequence[str],
    kind: "Kind",
    *,
    as_json: bool,
) -> None:
    """Compute a report's days, and replace those that the kind is about."""
    from headwater.backfill.kind import Kind
    from headwater.calendar import partitions
    from resources.editions import newest
    from resources.paimon.store import FilesystemTableStore
    from resources.report import refuse_other_than_report

    model = declared.model(report)
    refuse_other_than_report(model)
    wanted = list(partitions(chosen, *days, model.grain))
    if kind is Kind.FILL:
        made = newest(FilesystemTableStore(stack.lake), report)
        wanted = [part for part in wanted if part not in made]
    size = DATES_AT_ONCE * len(chosen)
    batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    done = _run(stack, declared, report, batches, markets, kind)
    if as_json:
        click.echo(json.dumps({"model": str(report), "batches": [_document(result) for result in done]}))
    else:
        _print_summary(done)


def _known(declared: Warehouse, model: str) -> TableName:
    try:
        name = TableName.parse(model)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if name not in declared:
        tables = ", ".join(str(table.name) for table in (*declared.streaming, *declared.reports)) or "none"
        raise HeadwaterError(
            f"There is no model {model}", left=f"the tables are {tables}", next_command="headwater validate"
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
    stack: Stack,
    declared: Warehouse,
    name: TableName,
    batches: Sequence[Sequence["Partition"]],
    markets: Sequence[str],
    kind: "Kind",
) -> list["ReportResult"]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from headwater.backfill.kind import Kind
    from resources.report import run_report

    done: list[ReportResult] = []
    corrects = kind is Kind.CORRECT
    options = (*(f"--market {market}" for market in markets), *([] if kind is Kind.REPLACE else [f"--kind {kind}"]))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(str(name), total=sum(map(len, batches)))
        try:
            for batch in batches:
                progress.update(task, description=f"{name} from {batch[0].local_date}")
                model = declared.model(name)
                done.append(run_report(stack, model, batch, only_corrections=corrects, markets=declared.markets))
                progress.advance(task, len(batch))
        except KeyboardInterrupt:
            progress.stop()
            click.echo(_stopped(name, batches, len(done), options), err=True)
            sys.exit(130)
        except HeadwaterError as error:
            if not done:
                raise
            raise HeadwaterError(
                error.failed,
                left=f"written: every day before {batches[len(done)][0].local_date}",
                next_command=f"{error.next_command}; then {_rest(name, batches, len(done), options)}",
            ) from error
    return done


def _stopped(name: TableName, batches: Sequence[Sequence["Partition"]], done: int, options: Sequence[str]) -> str:
    if done == len(batches):
        return "Stopped after the last day was written."
    written = f"written: every day before {batches[done][0].local_date}" if done else "nothing was written"
    return f"Stopped; {written}.\n  next:  {_rest(name, batches, done, options)}"


def _rest(name: TableName, batches: Sequence[Sequence["Partition"]], done: int, options: Sequence[str]) -> str:
    """The command that does what is left."""
    first: date = batches[done][0].local_date
    last: date = batches[-1][-1].local_date
    return " ".join((f"headwater backfill {name} --from {first} --to {last}", *options))


def _document(result: "ReportResult") -> dict:
    return {
        "snapshot": result.snapshot_id,
        "rows": result.rows,
        "seconds": round(result.seconds, 3),
        "inputs": {str(pinned.table): pinned.snapshot.id for pinned in result.run.inputs},
        "read": {str(table): served.path for table, served in result.served.items()},
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
    if not any(result.partitions for result in done):
        click.echo("Nothing to write.")
    for result in done:
        parts = result.partitions
        if not parts:
            continue
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
