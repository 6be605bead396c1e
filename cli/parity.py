"""`headwater parity`: hold streamed tables against their batch results."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from headwater.checks.kinds import TOLERANCE
from headwater.model import Model, Warehouse
from headwater.parity.verdict import Parity, Verdict
from headwater.problem import HeadwaterError
from headwater.stack import Stack

if TYPE_CHECKING:
    pass

_SHOWN = 10


@click.command("parity")
@click.argument("model", required=False)
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day, in UTC.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day, included.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=TOLERANCE,
    show_default=True,
    help="By how much FLOAT and DOUBLE columns may differ, as a share of the larger value.",
)
@click.option("--repair", is_flag=True, help="Write the rows that late data explains anew, from batch.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {model, verdict, engine, snapshot, watermark, rows_compared, keys_in_flight, keys_unclear,"
    " keys_differing, keys_explained, keys_repaired, late_records: {market: n}, looks, inputs, at, seconds,"
    " differences: [{key, kind, columns: {name: {streamed, batch}}, explained, because, late_records}]};"
    " a list of these without MODEL.",
)
def command(
    model: str | None,
    first: datetime | None,
    last: datetime | None,
    tolerance: float,
    repair: bool,
    warehouse: str | None,
    as_json: bool,
) -> None:
    """Hold a streamed table against what batch gives over the same input; all streamed tables without MODEL.

    The stream goes on meanwhile. Keys that it may just be working on are left out and counted, and a difference is told
    only when a later look finds it again. The verdict is «equal», «late data explains it» or «wrong».

    \b
    headwater parity dm.driver_activity
    headwater parity dwd.orders --from 2026-11-22 --to 2026-11-22 --json
    headwater parity dm.driver_activity --repair

    Exit status 0 when equal, 1 when something differs.
    """
    from resources.declarations import warehouse as declarations
    from resources.parity.repair import observed, repaired
    from resources.parity.run import Dates

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    dates = Dates(first.date() if first else None, last.date() if last else None)
    if dates.first and dates.last and dates.last < dates.first:
        raise click.BadParameter(f"--to {dates.last} is before --from {dates.first}")
    run = repaired if repair else observed
    found: list[Parity] = []
    failures: list[tuple[Model, HeadwaterError]] = []
    for each in _chosen(declared, model):
        try:
            found.append(run(stack, declared, each, dates=dates, tolerance=tolerance).parity)
        except HeadwaterError as error:
            if model is not None:
                raise
            failures.append((each, error))
            click.echo(f"{each.name} was not compared: {error}", err=True)
            continue
        if not as_json:
            _show(found[-1])
    if as_json:
        documents = [parity.as_dict() for parity in found]
        click.echo(json.dumps(documents[0] if model is not None else documents, indent=2, ensure_ascii=False))
    raise click.exceptions.Exit(_status(found, [error for _, error in failures]))


def _chosen(declared: Warehouse, model: str | None) -> Sequence[Model]:
    from cli.options import table_names

    if model is None:
        return declared.streaming
    (name,) = table_names([model])
    if name not in declared:
        known = ", ".join(str(each.name) for each in declared.streaming)
        raise HeadwaterError(
            f"{name} is not declared", left=f"kept by streams: {known}", next_command="headwater parity"
        )
    return [declared.model(name)]


def _status(found: Sequence[Parity], failures: Sequence[HeadwaterError]) -> int:
    if any(parity.verdict is not Verdict.EQUAL for parity in found):
        return 1
    if failures:
        return 3 if all(error.unreachable for error in failures) else 1
    return 0


def _show(parity: Parity) -> None:
    mark = {Verdict.EQUAL: "✓", Verdict.LATE: "!", Verdict.WRONG: "✗"}[parity.verdict]
    left = [f"{parity.in_flight:,} keys in flight"] if parity.in_flight else []
    left += [f"{parity.unclear:,} keys unclear"] if parity.unclear else []
    left += [f"{parity.repaired:,} keys repaired"] if parity.repaired else []
    differing = f", {parity.differing:,} keys differ" if parity.differing else ""
    click.echo(
        f"{mark} {parity.model}: {parity.verdict}{differing}; {parity.rows:,} rows at snapshot {parity.snapshot}"
        f" against {parity.engine}" + "".join(f", {each}" for each in left) + f" ({parity.seconds:.1f} s)"
    )
    for each in parity.differences[:_SHOWN]:
        click.echo(f"    {each}" + (f" ({each.because})" if each.because else ""))
    if len(parity.differences) > _SHOWN:
        click.echo(f"    and {parity.differing - _SHOWN:,} more; --json shows {len(parity.differences)}")
    for market, count in parity.late_by_market.items():
        click.echo(f"    {count:,} late records{f' of {market}' if market else ''} are in ods.late")
