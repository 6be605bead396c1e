"""`headwater reopen`: look again at the last days and months of reports, and correct what late data changed."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from headwater.batch import Partition, ReportResult
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack


@click.command("reopen")
@click.argument("reports", nargs=-1)
@click.option("--market", "markets", multiple=True, help="Only this market; may be given more than once.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, alone.")
def command(reports: tuple[str, ...], markets: tuple[str, ...], warehouse: str | None, as_json: bool) -> None:
    """Look again at the last days and months of reports, and make anew those that late data changed.

    How far back is declared in each report, `schedule: {reopen: 3d}`; the schedules do the same every night. A day that
    has not been made is not made here, and one that comes out as it is stays as it is. `headwater history` shows what
    was corrected, and why.

    \b
    headwater reopen
    headwater reopen rpt.daily_orders --market hk

    With --json: {reports: [{report, looked_at, snapshot, corrected: [{market, period, rows, complete, reason}]}]}. The
    snapshot is null when nothing had to be corrected.
    """
    from headwater.calendar import reopened
    from resources.declarations import warehouse as declarations
    from resources.report import run_report

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    unknown = set(markets) - {market.code for market in declared.markets}
    if unknown:
        raise click.BadParameter(f"there is no market {min(unknown)}", param_hint="--market")
    done: list[tuple[Model, Sequence[Partition], ReportResult]] = []
    for model in _chosen(declared, reports):
        assert model.schedule is not None
        chosen = [market for market in declared.markets if not markets or market.code in markets]
        now = datetime.now(UTC)
        wanted = [part for market in chosen for part in reopened(market, now, model.schedule, model.grain)]
        if wanted:
            result = run_report(stack, model, wanted, asked=False, only_corrections=True, markets=declared.markets)
            done.append((model, wanted, result))
    if as_json:
        click.echo(json.dumps({"reports": [_document(*each) for each in done]}, ensure_ascii=False))
    else:
        for each in done:
            _print(*each)


def _chosen(declared: Warehouse, names: Sequence[str]) -> list[Model]:
    """Those named, or all, that reopen what they made; in the order in which they read each other."""
    from cli.options import table_names

    reopening = [model for model in declared.reports if model.schedule and model.schedule.reopen]
    wanted: frozenset[TableName] = table_names(names)
    stray = wanted - {model.name for model in reopening}
    if stray:
        known = ", ".join(str(model.name) for model in reopening) or "none"
        raise HeadwaterError(
            f"{min(stray)} is no report that declares schedule: {{reopen: …}}",
            left=f"those that do are {known}",
            next_command=f"headwater backfill {min(stray)} --from --to, which computes days whatever they are",
        )
    return [model for model in reopening if not wanted or model.name in wanted]


def _document(model: Model, looked_at: Sequence[Partition], result: ReportResult) -> dict:
    return {
        "report": str(model.name),
        "looked_at": len(looked_at),
        "snapshot": result.snapshot_id,
        "corrected": [
            {
                "market": each.partition.market,
                "period": each.partition.period,
                "rows": each.rows,
                "complete": each.complete,
                "reason": each.reason,
            }
            for each in result.partitions
        ],
    }


def _print(model: Model, looked_at: Sequence[Partition], result: ReportResult) -> None:
    count = len(result.partitions)
    what = f"{count} corrected, snapshot {result.snapshot_id}" if count else "nothing to correct"
    click.echo(f"{model.name}: looked at {len(looked_at)} {model.grain.value}s, {what}")
    for each in result.partitions:
        click.echo(f"  {each.partition}: {each.reason}")
