"""The tour in the README does what it says: its blocks are run, in order, as a reader would."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from headwater.stack import HOME_VARIABLE, WAREHOUSE_VARIABLE, Ports
from resources.local import ports
from tests.conftest import PROJECT
from tests.integration.debian import program
from tests.integration.waiting import eventually

BLOCK = re.compile(r"<!-- (tour(?: fails)?) -->\n```sh\n(.*?)```", re.DOTALL)
SECONDS = 420
LAG = ".venv/bin/headwater lag"

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, shared_jars: Path) -> Iterator[dict[str, str]]:
    """A reader's shell, with a state folder and ports of its own."""
    home = tmp_path_factory.mktemp("tour") / "home"
    chosen = {Ports.variable(field): str(port) for field, port in asdict(ports.free_ports()).items()}
    variables = {**os.environ, **chosen, HOME_VARIABLE: str(home)}
    variables.pop(WAREHOUSE_VARIABLE, None)
    yield variables
    subprocess.run([".venv/bin/headwater", "down"], cwd=PROJECT, env=variables, timeout=SECONDS, check=False)
    shutil.rmtree(PROJECT / ".headwater" / "tour", ignore_errors=True)


def run(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    here = script.replace(f":{Ports().api}/", f":{environment[Ports.variable('api')]}/")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here],
        cwd=PROJECT,
        env=environment,
        timeout=SECONDS,
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_step_of_the_tour_does_what_the_readme_says(environment: dict[str, str]) -> None:
    program("curl", "curl")
    blocks = BLOCK.findall((PROJECT / "README.md").read_text())
    assert len(blocks) >= 6
    outputs = []
    for number, (kind, script) in enumerate(blocks):
        if number == 1:
            # At first the tables catch up with the history that the demo begins with.
            eventually(lambda: run(LAG, environment).returncode == 0, "every table to be fresh", seconds=400)
        done = run(script, environment)
        said = f"{script}\n{done.stdout}\n{done.stderr}"
        assert (done.returncode == 0) is (kind == "tour"), said
        outputs.append(done.stdout + done.stderr)
    started, measures, row, report, _, changed, broken, _ = outputs
    assert "dm.kpi_minute" in started
    assert "hk" in measures and "snapshot" in measures
    assert '"area":"sg-01"' in row and '"multiplier":' in row
    assert "rpt.daily_orders" in report
    assert "first" in report
    assert "alter table dwd.orders: add" in changed and "from that savepoint" in changed
    assert "from_tips.sql:1:" in broken and "tip" in broken
