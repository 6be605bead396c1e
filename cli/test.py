"""`headwater test`: run the models' fixtures."""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from headwater.fixtures.fixture import EngineName, Fixture
from headwater.fixtures.judging import Judged, Result
from headwater.stack import Stack

if TYPE_CHECKING:
    from rich.console import Console

_ALL = "all"


@click.command("test")
@click.argument("names", metavar="[MODEL[/FIXTURE]]...", nargs=-1)
@click.option(
    "--engines",
    "where",
    type=click.Choice([_ALL, *(name.value for name in EngineName)]),
    default=EngineName.DUCKDB.value,
    show_default=True,
    help="Where to run them; all but duckdb need a running stack.",
)
@click.option("--warehouse", type=click.Path(file_okay=False), help="The folder of declarations.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {passed, failed, fixtures: [{model, fixture, file, fine, engines: {name: {verdict, said,"
    " differences: [{expected, found, columns}]}}, late, disagreement, smallest}]}.",
)
def command(names: tuple[str, ...], where: str, warehouse: str | None, as_json: bool) -> None:
    """Run the models' fixtures: what each is given, and what must come out.

    A fixture is a file <layer>/<model>/tests/<name>.yaml. On DuckDB it takes milliseconds, and nothing needs to run.
    With --engines all it also runs on Flink, as a batch and as a bounded stream, and all must give the same rows.

    \b
    headwater test                       all of them
    headwater test dwd.orders            those of one model
    headwater test dwd.orders/late_price --engines all

    Of one that fails, the rows that differ are shown, and the smallest input that still fails. An engine that refuses a
    model is no pass: it is named with its reason, and the fixture must say so (not_on).

    Exit status 1 when a fixture fails, 3 when Flink is asked for and no stack runs.
    """
    from resources.declarations import warehouse as declarations
    from resources.fixtures.run import chosen, run_fixtures

    stack = Stack.resolve(warehouse)
    declared = declarations(stack)
    fixtures = chosen(declared, names)
    engines = set(EngineName) if where == _ALL else {EngineName(where)}
    began = time.perf_counter()
    done: list[tuple[Result, Fixture | None]] = []
    shown = None if as_json else _console()
    for result, smaller in run_fixtures(stack, declared, fixtures, engines):
        done.append((result, smaller))
        if shown is not None:
            _show(shown, result, smaller)
    failed = sum(not result.is_fine for result, _ in done)
    if as_json:
        click.echo(json.dumps(_document(done), indent=2, ensure_ascii=False))
    elif not done:
        click.echo("There is no fixture: write one in <layer>/<model>/tests/<name>.yaml.")
    else:
        click.echo(_summary(done, failed, time.perf_counter() - began))
    raise click.exceptions.Exit(1 if failed else 0)


def _console() -> "Console":
    import sys

    from rich.console import Console

    # Away from a terminal nothing may be cut off to fit a width.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=100_000)


def _summary(done: Sequence[tuple[Result, Fixture | None]], failed: int, seconds: float) -> str:
    untested = sum(result.is_fine and not result.is_tested for result, _ in done)
    parts = [f"{len(done) - failed - untested} passed"]
    parts += [f"{failed} failed"] * bool(failed) + [f"{untested} not tested here"] * bool(untested)
    return f"\n{', '.join(parts)} in {seconds:.2f} s"


def _show(console: "Console", result: Result, smaller: Fixture | None) -> None:
    from rich.text import Text

    mark, style = ("✗", "red") if not result.is_fine else ("✓", "green") if result.is_tested else ("–", "yellow")
    line = Text.assemble((mark, style), f" {result.fixture}")
    for judged in result.judged:
        line.append(f"  {judged.engine.value} {judged.verdict.value}", style="dim" if judged.verdict.is_fine else "red")
    console.print(line)
    for judged in result.judged:
        if judged.said and not judged.verdict.is_fine:
            console.print(f"    {judged.engine.label}: {judged.said}", markup=False)
        elif judged.said:
            console.print(f"    {judged.engine.label} refuses it, as said: {judged.said}", style="dim", markup=False)
    if result.is_fine:
        return
    console.print(f"    {result.fixture.description}", style="italic", markup=False)
    console.print(f"    {result.fixture.at.file}", style="dim", markup=False)
    if result.late:
        console.print(f"    {result.late}", markup=False)
    _show_rows(console, result)
    if smaller is not None:
        _show_smallest(console, smaller)


def _show_rows(console: "Console", result: Result) -> None:
    """The rows of each engine beside what is expected; engines that give the same are shown once."""
    from cli.fixture_diff import diff

    seen: list[Judged] = []
    for judged in result.judged:
        if judged.differences and not any(judged.aligned == other.aligned for other in seen):
            seen.append(judged)
            console.print(f"    {judged.engine.label}, expected → found:", markup=False)
            console.print(diff(result.fixture.compared, judged.aligned))
    if result.disagreement is not None:
        first, second, aligned = result.disagreement
        console.print(f"    The engines do not agree, {first.label} → {second.label}:", markup=False)
        columns = tuple(dict.fromkeys(name for row in aligned for name in row.expected or row.found or {}))
        console.print(diff(columns, aligned))


def _show_smallest(console: "Console", fixture: Fixture) -> None:
    console.print(f"    The smallest input that still fails ({fixture.size} given):", markup=False)
    for table, items in _plain_given(fixture).items():
        if items:
            console.print(f"      {table}:", markup=False)
        for item in items:
            told = ", ".join(f"{name}: {value}" for name, value in item.items())
            console.print(f"        - {{{told}}}", markup=False)


def _plain_given(fixture: Fixture) -> dict[str, list[dict[str, str]]]:
    from headwater.fixtures.value import told

    given: dict[str, list[dict[str, str]]] = {}
    for table, items in fixture.given.items():
        given[str(table)] = []
        for item in items:
            change = {"$change": item.change.value} if item.change else {}
            passing = {"$watermark": told(item.watermark)} if item.watermark else {}
            row = {name: told(value) for name, value in (item.row or {}).items() if value is not None}
            given[str(table)].append({**change, **passing, **row})
    return given


def _document(done: Sequence[tuple[Result, Fixture | None]]) -> dict[str, Any]:
    return {
        "passed": sum(result.is_fine and result.is_tested for result, _ in done),
        "failed": sum(not result.is_fine for result, _ in done),
        "fixtures": [
            {
                "model": str(result.fixture.model),
                "fixture": result.fixture.name,
                "file": str(result.fixture.at.file),
                "fine": result.is_fine,
                "engines": {judged.engine.value: _judged(judged) for judged in result.judged},
                "late": result.late or None,
                "disagreement": _disagreement(result),
                "smallest": _plain_given(smaller) if smaller else None,
            }
            for result, smaller in done
        ],
    }


def _judged(judged: Judged) -> dict[str, Any]:
    from cli.fixture_diff import as_json

    return {
        "verdict": judged.verdict.value,
        "said": judged.said or None,
        "differences": [as_json(row) for row in judged.differences],
    }


def _disagreement(result: Result) -> dict[str, Any] | None:
    from cli.fixture_diff import as_json
    from headwater.fixtures.comparison import differences

    if result.disagreement is None:
        return None
    first, second, aligned = result.disagreement
    return {"engines": [first.value, second.value], "differences": [as_json(row) for row in differences(aligned)]}
