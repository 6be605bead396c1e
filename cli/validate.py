"""`headwater validate`: whether the declarations hold together."""

import json
import sys
from pathlib import Path

import click

from headwater.model import Model, Warehouse
from headwater.problem import InvalidWarehouse, Problem
from headwater.stack import Stack


@click.command()
@click.option("--warehouse", type=click.Path(file_okay=False), help="Declarations; default: the running stack's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {valid, tables: […], products: […], problems: […]}.")
def command(warehouse: str | None, as_json: bool) -> None:
    """Check the declarations: every YAML file, every flow's SQL, every fixture and product, and how they fit together.

    It needs no running stack, and runs no fixture: headwater test does.

    Each mistake is told with its file, line and column, all of them at once, and what to do.
    Types are worked out from the declared columns, so a flow that does not fit its table is found here.

    Exit status 1 when there is a mistake.
    """
    from headwater.fixtures.reading import read_fixtures
    from headwater.loader import load

    folder = Stack.resolve(warehouse).warehouse
    try:
        loaded = load(folder)
    except InvalidWarehouse as invalid:
        _show_problems(invalid.problems, as_json)
        raise click.exceptions.Exit(1) from invalid
    fixtures, problems = read_fixtures(loaded)
    if problems:
        _show_problems(problems, as_json)
        raise click.exceptions.Exit(1)
    if as_json:
        tables = [_as_json(model) for model in loaded.models]
        products = [{"name": product.name, "table": str(product.table)} for product in loaded.products]
        said = {"valid": True, "tables": tables, "products": products, "problems": []}
        click.echo(json.dumps(said, indent=2))
    else:
        _show_summary(loaded, len(fixtures))


def _show_problems(problems: tuple[Problem, ...], as_json: bool) -> None:
    if as_json:
        found = [
            {
                "file": str(problem.position.file),
                "line": problem.position.line,
                "column": problem.position.column,
                "message": problem.message,
                "advice": problem.advice,
            }
            for problem in problems
        ]
        said = {"valid": False, "tables": [], "products": [], "problems": found}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for problem in problems:
        at = problem.position
        place = click.style(f"{_near(at.file)}:{at.line}:{at.column}", bold=True)
        click.echo(f"{place}: {problem.message}")
        if problem.advice:
            click.echo(f"    {problem.advice}")
    click.echo(f"\n✗ {_counted(len(problems), 'problem')}. Correct the files, then: headwater validate")


def _near(file: Path) -> Path:
    """The file as seen from here, when it lies below."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _as_json(model: Model) -> dict[str, object]:
    return {
        "name": str(model.name),
        "layer": model.name.layer.value,
        "columns": len(model.columns),
        "flows": [flow.name for flow in model.flows],
        "reads": [str(name) for name in model.reads],
    }


def _show_summary(warehouse: Warehouse, fixtures: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("", "table", "columns", "flows", "reads"):
        table.add_column(title, justify="right" if title == "columns" else "left")
    for model in warehouse.models:
        reads = ", ".join(map(str, model.reads)) or (f"topic {model.topic.name}" if model.topic else "")
        flows = ", ".join(flow.name for flow in model.flows)
        table.add_row("[green]✓[/]", str(model.name), str(len(model.columns)), flows, reads)
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    console.print(table)
    flows = sum(len(model.flows) for model in warehouse.models)
    counts = (
        _counted(len(warehouse.models), "table"),
        _counted(flows, "flow"),
        _counted(len(warehouse.markets), "market"),
        _counted(fixtures, "fixture"),
        _counted(len(warehouse.products), "product"),
    )
    console.print(f"\n{', '.join(counts)}: all of it holds together.")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
