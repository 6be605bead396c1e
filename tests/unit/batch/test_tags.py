import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.batch import BatchRun, PinnedInput
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon import tags
from resources.paimon.store import FilesystemTableStore
from tests.unit.batch.daily import ORDER_COLUMNS, ORDERS, Write


@pytest.fixture
def run(stack: Stack, write: Write) -> BatchRun:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, datetime(2026, 11, 22, tzinfo=UTC), Decimal(1), "x")])
    snapshot = FilesystemTableStore(stack.lake).latest_snapshot(ORDERS)
    assert snapshot is not None
    return BatchRun(tags.new_run_id(), TableName.parse("rpt.daily"), (), (PinnedInput(ORDERS, snapshot),))


def test_inputs_are_tagged_during_a_run_and_not_after_it(stack: Stack, run: BatchRun) -> None:
    with tags.protected(stack.lake, run) as tag:
        assert tags.names(stack.lake, ORDERS) == (tag,)
        assert tag.startswith(f"headwater-rpt.daily-{os.getpid()}-")
        table = Path(stack.lake, "dwd.db", "orders")
        assert (table / "tag" / f"tag-{tag}").read_bytes() == (table / "snapshot" / "snapshot-1").read_bytes()
    assert tags.names(stack.lake, ORDERS) == ()


def test_tags_go_when_the_run_fails(stack: Stack, run: BatchRun) -> None:
    with pytest.raises(ZeroDivisionError), tags.protected(stack.lake, run):
        raise ZeroDivisionError
    assert tags.names(stack.lake, ORDERS) == ()


def test_tags_of_dead_runs_are_removed_and_others_stay(stack: Stack, run: BatchRun) -> None:
    started = tags.new_run_id().split("-")[1]
    dead = [
        "headwater-rpt.daily-4194999-1795424512-abcdef",
        f"headwater-rpt.a-b-{os.getpid()}-{int(started) - 1000}-aa",
    ]
    alive = [f"headwater-rpt.daily-{os.getpid()}-{started}-bb"]
    foreign = ["monthly", "headwater-by-hand"]
    for name in (*dead, *alive, *foreign):
        tags.create(stack.lake, ORDERS, 1, name)
    assert sorted(tags.remove_stale(stack.lake, ORDERS)) == sorted(dead)
    assert sorted(tags.names(stack.lake, ORDERS)) == sorted((*alive, *foreign))


def test_an_expired_snapshot_cannot_be_tagged(stack: Stack, run: BatchRun) -> None:
    Path(stack.lake, "dwd.db", "orders", "snapshot", "snapshot-1").unlink()
    with pytest.raises(HeadwaterError, match="expired before it could be tagged"), tags.protected(stack.lake, run):
        pass
