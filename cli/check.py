"""`headwater check`: evaluate the declared checks."""

import json
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from cli.clock import iso
from headwater.checks.kinds import Severity
from headwater.checks.outcome import Examined, Outcome
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack

_SHOWN = 3


@click.command("check")
@click.argument("model", required=False)
@click.option("--whole", is_flag=True, help="Read every table from its beginning, and not only what changed.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {checks: [{model, check, passed, severity, blocking, failing, counted, sample, snapshot,"
    " after_snapshot, rows_read, is_cut, said, at}], failures: [{model, check, reason}]}.",
)
def command(model: str | None, whole: bool, warehouse: str | None, as_json: bool) -> None:
    """Evaluate the checks that tables declare, of one table or of all, over what changed since they last were.

    The evaluation is the one that Dagster makes, and both go on from where either has been: a failing check that passes
    here no longer blocks reports. A table without a commit is left out.

    \b
    headwater check dwd.orders
    headwater check --json

    Exit status 1 when a check of severity error fails, or one cannot be evaluated.
    """
    from resources.checks.examine import examine
    from resources.declarations import warehouse as declarations

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    done: list[tuple[Model, Examined]] = []
    for each in _chosen(declared, model):
        try:
            done.append((each, examine(stack, declared, each, whole=whole)))
        except HeadwaterError as error:
            done.append((each, Examined(failures=(("", error),))))
    if as_json:
        click.echo(json.dumps(_document(done), indent=2, ensure_ascii=False))
    else:
        _show(done)
    raise click.exceptions.Exit(_status(done))


def _chosen(declared: Warehouse, model: str | None) -> Sequence[Model]:
    from cli.options import table_names

    if model is None:
        return [each for each in declared.models if each.checks]
    (name,) = table_names([model])
    if name not in declared or not declared.model(name).checks:
        what = "declares no check" if name in declared else "is not declared"
        known = ", ".join(str(each.name) for each in declared.models if each.checks) or "none"
        raise HeadwaterError(f"{name} {what}", left=f"with checks: {known}", next_command="headwater check TABLE")
    return [declared.model(name)]


def _status(done: Sequence[tuple[Model, Examined]]) -> int:
    failures = [error for _, examined in done for _, error in examined.failures]
    outcomes = [outcome for _, examined in done for outcome in examined.outcomes]
    if any(not outcome.passed and outcome.check.severity is Severity.ERROR for outcome in outcomes):
        return 1
    if failures:
        return 3 if all(error.unreachable for error in failures) else 1
    return 0


def _show(done: Sequence[tuple[Model, Examined]]) -> None:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("", "table", "check", "found", "read", "snapshots"):
        folds = name in ("check", "found")
        shown.add_column(name, justify="right" if name == "read" else "left", no_wrap=not folds, overflow="fold")
    for model, examined in done:
        for outcome in examined.outcomes:
            after = "whole" if outcome.since is None else str(outcome.since)
            span = f"{after} → {outcome.snapshot}"
            shown.add_row(
                _mark(outcome), str(model.name), outcome.check.name, _found(outcome), f"{outcome.read:,}", span
            )
    console = Console(highlight=False)
    console.print(shown)
    for model, examined in done:
        for outcome in examined.outcomes:
            for row in outcome.sample[:_SHOWN] if not outcome.passed else ():
                told = ", ".join(f"{column}={value}" for column, value in row.items())
                console.print(f"  {model.name} {outcome.check.name}: {told}", markup=False)
        for name, error in examined.failures:
            what = f"{name} of {model.name}" if name else f"the checks of {model.name}"
            click.echo(f"{what} could not be evaluated: {error}", err=True)
    if not any(examined.outcomes or examined.failures for _, examined in done):
        click.echo("No table with checks has a commit yet: headwater status shows what runs.")


def _mark(outcome: Outcome) -> str:
    if outcome.passed:
        return "[green]✓[/]"
    return "[yellow]![/]" if outcome.check.severity is Severity.WARN else "[red]✗[/]"


def _found(outcome: Outcome) -> str:
    told = "fine" if outcome.passed else f"{outcome.failing:,} {outcome.counted}"
    if outcome.is_cut:
        told += ", and there were more rows than may be read"
    if not outcome.passed and outcome.check.blocking:
        told += "; reports wait"
    return f"{told} ({outcome.said})" if outcome.said else told


def _document(done: Sequence[tuple[Model, Examined]]) -> dict[str, object]:
    return {
        "checks": [
            {
                "model": str(model.name),
                "check": outcome.check.name,
                "passed": outcome.passed,
                "severity": outcome.check.severity.value,
                "blocking": outcome.check.blocking,
                "failing": outcome.failing,
                "counted": outcome.counted,
                "sample": [dict(row) for row in outcome.sample],
                "snapshot": outcome.snapshot,
                "after_snapshot": outcome.since,
                "rows_read": outcome.read,
                "is_cut": outcome.is_cut,
                "said": outcome.said,
                "at": iso(outcome.at),
            }
            for model, examined in done
            for outcome in examined.outcomes
        ],
        "failures": [
            {"model": str(model.name), "check": name or None, "reason": str(error)}
            for model, examined in done
            for name, error in examined.failures
        ],
    }
