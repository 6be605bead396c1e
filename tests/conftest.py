"""What tests share: free ports, and one stack of real engines for the whole run."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from headwater.stack import Ports, Stack
from resources.jars import FOLDER_VARIABLE
from resources.local import lifecycle, ports

PROJECT = Path(__file__).parent.parent
INTEGRATION = PROJECT / "tests" / "integration"
QUICK_JAVA = "-XX:TieredStopAtLevel=1"
"""A stack of tests ends before the optimizing compiler has earned what it takes of two cores: a third of Flink's."""
OWN_STACKS = ("api", "dashboard", "exactness", "local/test_up_and_down.py", "tour")
"""Tests below it that start a stack of their own, or need none; all others share one."""


def pytest_configure() -> None:
    os.environ.setdefault("JAVA_TOOL_OPTIONS", QUICK_JAVA)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(INTEGRATION):
            item.add_marker(pytest.mark.engines)


class ByStack(LoadScopeScheduling):
    """Tests that share a stack stay with one worker; all others are given out file by file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        below = file.removeprefix("tests/integration/")
        if below == file:
            return file
        return next((own for own in OWN_STACKS if below.startswith(own)), "shared stack")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByStack(config, log)


@pytest.fixture(scope="session")
def shared_jars() -> Path:
    """The jar folder of this checkout, so that a temporary home fetches none again."""
    folder = os.environ.setdefault(FOLDER_VARIABLE, str(PROJECT / ".headwater" / "jars"))
    return Path(folder)


@pytest.fixture
def free_ports() -> Ports:
    """Ports that nothing listens on."""
    return ports.free_ports()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, shared_jars: Path) -> Iterator[Stack]:
    """Kafka, Flink and the SQL gateway, running on free ports in a temporary folder until the run's end."""
    home = tmp_path_factory.mktemp("stack") / "home"
    running = Stack(home=home, warehouse=PROJECT / "warehouse", ports=ports.free_ports())
    try:
        lifecycle.start(running, dagster=False, serving=False)
        yield running
    finally:
        lifecycle.stop(running)
