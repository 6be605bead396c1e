"""Dashboards and rules speak of metrics that there are."""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.unit.deploy.expressions import FLINK, dashboards, known, recorded, rules, used

GRAFANA = PROJECT / "deploy" / "grafana"


def every_expression() -> Iterator[tuple[str, str]]:
    yield from dashboards()
    yield from rules()


@pytest.mark.parametrize(("where", "expression"), [*every_expression()])
def test_an_expression_uses_only_metrics_that_there_are(where: str, expression: str) -> None:
    names = used(expression)
    assert names, f"{where} uses no metric"
    assert {name for name in names if not name.startswith("flink_")} <= known() | recorded(), where
    assert {name for name in names if name.startswith("flink_")} <= FLINK, where


def test_the_committed_dashboards_are_the_generated_ones() -> None:
    made = runpy.run_path(str(GRAFANA / "generate.py"))["files"]()
    committed = {file.name: file.read_text() for file in (GRAFANA / "dashboards").iterdir()}
    assert committed == made, "run: python deploy/grafana/generate.py"


@pytest.mark.parametrize("file", sorted((GRAFANA / "dashboards").iterdir()), ids=lambda file: file.name)
def test_no_two_panels_of_a_dashboard_cover_each_other(file: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(file.read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + 8)}
        assert not cells & taken, panel["title"]
        taken |= cells
