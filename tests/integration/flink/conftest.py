"""A small warehouse of a test's own, on the shared engines, under names that no other test uses."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.stack import Stack
from tests.integration.flink.events import declare_counts, declare_events
from tests.integration.flink.house import House

_numbers = itertools.count(1)


@pytest.fixture
def house(stack: Stack, tmp_path: Path) -> Iterator[House]:
    """An empty warehouse whose tables' names end in a number of its own; its jobs are gone afterwards."""
    built = House(stack, tmp_path / "warehouse", f"{os.getpid()}_{next(_numbers)}")
    yield built
    built.leave()


@pytest.fixture
def events(house: House) -> House:
    """`dwd.events`: a copy of one topic."""
    declare_events(house)
    return house


@pytest.fixture
def counts(events: House) -> House:
    """`dm.counts` over `dwd.events`."""
    declare_counts(events)
    return events
