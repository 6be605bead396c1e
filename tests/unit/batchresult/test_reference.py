"""The reference warehouse by batch on DuckDB is what the simulator knows to be true."""

from datetime import UTC, datetime

import pytest

from benchmarks.chaos import KEYS
from benchmarks.lakerows import differences
from headwater.model import Warehouse
from simulator.record import Record
from simulator.replay import ReplaySpan, imagine
from simulator.truth import Truth
from tests.unit.batchresult.conftest import BatchOf, Topics, spelled

SPAN = ReplaySpan(start=datetime(2026, 11, 22, 3, tzinfo=UTC), minutes=30, orders=1_500, seed=5)


@pytest.fixture
def played(reference: Warehouse, topics: Topics) -> Truth:
    sent: list[Record]
    sent, truth = imagine(reference.markets, SPAN)
    for record in sent:
        topics.setdefault(record.topic, []).append(record.value)
    return truth


def test_orders_assembled_from_disordered_repeated_and_malformed_facts_equal_the_truth(
    reference: Warehouse, played: Truth, batch_of: BatchOf
) -> None:
    found = spelled(batch_of(reference, "dwd.orders"))
    assert differences(found, played.orders, KEYS["dwd.orders"]) == []
    assert played.sent.malformed["ods.orders"]


def test_events_sent_twice_or_late_stand_once(reference: Warehouse, played: Truth, batch_of: BatchOf) -> None:
    found = spelled(batch_of(reference, "dwd.driver_status"))
    assert differences(found, played.driver_status, KEYS["dwd.driver_status"]) == []
