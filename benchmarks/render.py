"""The page of figures in the documentation, written from the recorded results so that no figure is typed by hand."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Figure, asked, ratio, spread
from benchmarks.results import FOLDER, Result, read
from benchmarks.suite import SUITE, Benchmark

_HEAD = """\
<!-- Written by `headwater bench --render`; edit benchmarks/render.py instead. -->
# Performance

Figures are ratios within one run: both sides take turns on the same machine and the same rows, and their medians are
compared. Absolute numbers are context. Spreads are min–median–max over the rounds. To measure again:

```
headwater bench                 # the whole suite, on a stack of its own
headwater bench B1 --rounds 9   # one of them, longer
headwater bench --record && headwater bench --render docs/benchmarks.md
```
"""


def page(results: Sequence[Result]) -> str:
    """The page, benchmarks in the suite's order. A benchmark without a result is named as not measured."""
    by_id = {result.benchmark: result for result in results}
    parts = [_HEAD, _summary(results)]
    parts += [_section(benchmark, by_id.get(benchmark.id)) for benchmark in SUITE]
    return "\n".join(parts)


def write(file: Path, folder: Path = FOLDER) -> None:
    """Write the page from a folder of results. Raises HeadwaterError when one cannot be read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(read(folder)))


def _summary(results: Sequence[Result]) -> str:
    lines = ["| | figure | ratio | goal | met |", "|---|---|---:|---:|---|"]
    order = [benchmark.id for benchmark in SUITE]
    for result in sorted(
        results, key=lambda each: order.index(each.benchmark) if each.benchmark in order else len(order)
    ):
        lines += [
            f"| {figure.id} | {figure.name} | {ratio(figure)} | {asked(figure)} | {_met(figure)} |"
            for figure in result.figures
        ]
    return "\n".join(lines) + "\n"


def _section(benchmark: Benchmark, result: Result | None) -> str:
    lines = [f"## {benchmark.id}", "", f"{benchmark.title[0].upper()}{benchmark.title[1:]}. Goal {benchmark.asks}.", ""]
    if result is None:
        return "\n".join([*lines, "Not measured yet.", ""])
    lines += ["| figure | unit | ours | reference | ratio | rounds |", "|---|---|---:|---:|---:|---:|"]
    lines += [
        f"| {figure.name} | {figure.unit} | {spread(figure.ours)} | {spread(figure.reference)} "
        f"| {ratio(figure)} | {len(figure.ours)} |"
        for figure in result.figures
    ]
    lines.append("")
    lines += [f"- {figure.name}: {figure.note}." for figure in result.figures if figure.note]
    lines += ["", _provenance(result), ""]
    return "\n".join(lines)


def _provenance(result: Result) -> str:
    machine = result.machine
    made_by = ", ".join(f"{name} {release}" for name, release in result.versions.items())
    return (
        f"Measured {result.measured_at} on {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}; {made_by}."
    )


def _met(figure: Figure) -> str:
    return {True: "yes", False: "**no**", None: ""}[figure.met]
