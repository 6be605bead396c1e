"""`headwater bench`: the performance suite."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.figure import Figure


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of figures, medians of both sides in each.")
@click.option(
    "--rounds", type=click.IntRange(1, 50), default=5, show_default=True, help="How often each side is measured."
)
@click.option(
    "--stack",
    "which",
    type=click.Choice(["own", "running"]),
    default="own",
    show_default=True,
    help="A stack started for the benchmarks, or the running one when its jobs are not in the way.",
)
@click.option("--list", "listed", is_flag=True, help="Say which benchmarks there are, and stop.")
@click.option("--record", "recorded", is_flag=True, help="Keep the results in benchmarks/results/.")
@click.option(
    "--render",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page of figures from the recorded results, and stop.",
)
def command(
    names: tuple[str, ...],
    as_json: bool,
    rounds: int,
    which: str,
    listed: bool,
    recorded: bool,
    page: Path | None,
) -> None:
    """Measure the platform beside the bare systems it stands on, as ratios.

    \b
    headwater bench                     the whole suite, about two hours on two cores
    headwater bench B2 B9               some of it
    headwater bench B1 --rounds 1       only to see that it works
    headwater bench --render docs/benchmarks.md

    Both sides take turns in the same run on the same rows; the ratio is that of their medians, and the table shows
    min–median–max. The suite starts Kafka and Flink of its own on free ports and a temporary home, and removes them.
    Measure on a machine that has nothing else to do.

    Exit status 0 when every goal is met, 1 when one is not.
    """
    if listed:
        _list()
        return
    if page is not None:
        from benchmarks.render import write

        write(page)
        click.echo(f"Written: {page}", err=True)
        return
    figures = _measured(names, rounds, on_running_stack=which == "running", recorded=recorded)
    if as_json:
        click.echo(json.dumps([figure.as_dict() for figure in figures], indent=2, ensure_ascii=False))
    else:
        _print(figures)
    raise click.exceptions.Exit(1 if any(figure.met is False for figure in figures) else 0)


def _measured(names: Sequence[str], rounds: int, *, on_running_stack: bool, recorded: bool) -> "list[Figure]":
    from benchmarks import suite
    from benchmarks.results import record
    from cli.up import sigterm_like_ctrl_c

    benchmarks = suite.chosen(names)
    figures: list[Figure] = []
    # A stack of the suite's own must not outlive a run that is ended from outside.
    with sigterm_like_ctrl_c():
        for benchmark, found in suite.run(benchmarks, rounds, _teller(), on_running_stack=on_running_stack):
            figures += found
            if recorded:
                click.echo(f"Recorded: {record(benchmark.id, found)}", err=True)
    return figures


def _teller() -> Callable[[str], None]:
    began = time.monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        click.echo(f"{minutes:3}:{seconds:02}  {line}", err=True)

    return tell


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from benchmarks.suite import SUITE

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("name", "ours / reference", "goal", "minutes"):
        shown.add_column(name, justify="right" if name == "minutes" else "left", overflow="fold")
    for benchmark in SUITE:
        shown.add_row(benchmark.id, benchmark.title, benchmark.asks, f"{benchmark.minutes:g}")
    Console().print(shown)


def _print(figures: "Sequence[Figure]") -> None:
    from rich.console import Console

    console = Console()
    console.print(view(figures))
    for figure in figures:
        if figure.note:
            console.print(f"{figure.id} {figure.name}: {figure.note}", style="dim", highlight=False)


def view(figures: "Sequence[Figure]") -> "Table":
    """The figures as an aligned table, min–median–max on each side."""
    from rich.table import Table
    from rich.text import Text

    from benchmarks.figure import asked, ratio, spread

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "figure", "unit", "ours", "reference", "ratio", "goal", "met"):
        shown.add_column(name, justify="right" if name in ("ours", "reference", "ratio", "goal") else "left")
    words = {True: Text("yes", style="green"), False: Text("no", style="red"), None: Text("")}
    for figure in figures:
        shown.add_row(
            figure.id,
            figure.name,
            figure.unit,
            spread(figure.ours),
            spread(figure.reference),
            ratio(figure),
            asked(figure),
            words[figure.met],
        )
    return shown
