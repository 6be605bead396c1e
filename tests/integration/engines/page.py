"""The list on the page «One SQL, three engines», made of the suite's data.

`python -m tests.integration.engines.page` writes it.
"""

from itertools import groupby
from pathlib import Path

from tests.integration.engines.suite import ENGINES, Case, cases

PAGE = Path(__file__).parents[3] / "docs" / "one-sql-three-engines.md"
BEGIN, END = "<!-- made from the suite: begin -->\n", "<!-- made from the suite: end -->\n"


def written(page: str) -> str:
    """The page with the list of the suite as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{listed()}{END}{after}"


def listed() -> str:
    """A table for each group of cases."""
    parts = []
    for group, members in groupby(cases(), key=lambda case: case.group):
        rows = "".join(_row(case) for case in members)
        parts.append(f"\n### {group}\n\n| | DuckDB | Flink batch | Flink streaming |\n|---|---|---|---|\n{rows}")
    return "".join(parts) + "\n"


def _row(case: Case) -> str:
    name = f"`{_safe(case.sql)}`" if case.kind != "query" else _safe(case.name)
    return f"| {name} | {' | '.join(_mark(case, engine) for engine in ENGINES)} |\n"


def _mark(case: Case, engine: str) -> str:
    if not case.runs_on(engine):
        return f"fails: {_safe(case.gaps[engine])}" if case.gaps[engine] else "fails"
    return "other rows" if engine in case.differs else "runs" if case.unstable else "="


def _safe(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
