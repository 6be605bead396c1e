"""A warehouse of a test's own on the shared engines, with Dagster in the test's process."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from headwater.stack import Stack
from tests.integration.dagster.desk import Desk
from tests.integration.flink.house import House

_numbers = itertools.count(1)


@pytest.fixture
def desk(stack: Stack, tmp_path: Path) -> Iterator[Desk]:
    """One topic, one table, one report over it, in two markets; its jobs are gone afterwards."""
    house = House(stack, tmp_path / "warehouse", f"d{os.getpid()}_{next(_numbers)}")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(house, instance)
    house.leave()
