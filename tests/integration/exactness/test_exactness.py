"""After a fixed span, with the TaskManager killed three times in between, every table equals the simulator's truth."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from headwater.batch import Partition
from headwater.model import TableName
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import deploy
from resources.local import lifecycle, ports
from resources.local.processes import processes
from resources.report import run_report
from resources.status import status
from simulator.replay import ReplaySpan, replay
from simulator.truth import Row, Truth
from tests.conftest import PROJECT
from tests.integration.exactness.lakerows import differences, rows
from tests.integration.waiting import eventually

SPAN = ReplaySpan(start=datetime(2026, 11, 22, 3, tzinfo=UTC), minutes=60, orders=12_000, seed=11)
KILLS = 3
pytestmark = pytest.mark.timeout(900)
WINDOW = ("market", "window_start", "status")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, shared_jars: Path) -> Iterator[tuple[Stack, Truth, int]]:
    """The reference warehouse after the span, on a stack of its own, and how often its TaskManager was killed."""
    home = tmp_path_factory.mktemp("exactness") / "home"
    stack = Stack(home=home, warehouse=PROJECT / "warehouse", ports=ports.free_ports())
    try:
        lifecycle.start(stack, dagster=False)
        deploy(stack, lambda _line: None)
        with killing_taskmanager(stack) as kills:
            truth = replay(stack.kafka, warehouse(stack).markets, SPAN)
            eventually(lambda: len(kills) == KILLS, "the TaskManager to be killed three times", seconds=180)
        yield stack, truth, len(kills)
    finally:
        lifecycle.stop(stack)


@contextmanager
def killing_taskmanager(stack: Stack) -> Iterator[list[int]]:
    """Kill the TaskManager whenever rows have arrived since it last came up, three times."""
    killed: list[int] = []
    stop = threading.Event()

    def kill() -> None:
        seen = 0
        while len(killed) < KILLS and not stop.wait(0.1):
            arrived = snapshot_of(stack, "dwd.orders")
            pid = taskmanager(stack)
            if arrived > seen + 1 and pid is not None and pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                seen = arrived

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def taskmanager(stack: Stack) -> int | None:
    return next((process.pid for process in processes(stack) if process.name == "taskmanager"), None)


def snapshot_of(stack: Stack, table: str) -> int:
    found = next(entry for entry in status(stack, details=False).tables if str(entry.model) == table)
    return found.snapshot.id if found.snapshot else 0


def becomes_equal(stack: Stack, table: str, expected: tuple[Row, ...], key: tuple[str, ...]) -> None:
    eventually(
        lambda: not differences(rows(stack.lake, table), expected, key),
        lambda: f"{table} to equal the truth; {differences(rows(stack.lake, table), expected, key)[:3]}",
        seconds=240,
    )


def test_detail_tables_equal_the_truth_after_three_kills(replayed: tuple[Stack, Truth, int]) -> None:
    stack, truth, kills = replayed
    assert kills == KILLS
    becomes_equal(stack, "dwd.orders", truth.orders, ("order_id",))
    becomes_equal(stack, "dwd.driver_status", truth.driver_status, ("event_id",))


def test_measures_by_minute_equal_the_truth(replayed: tuple[Stack, Truth, int]) -> None:
    stack, truth, _ = replayed
    becomes_equal(stack, "dm.kpi_minute", truth.kpi_minute, ("market", "minute_at", "price_category", "vehicle_type"))


def test_windows_equal_the_truth_but_for_those_that_late_events_fall_into(replayed: tuple[Stack, Truth, int]) -> None:
    stack, truth, _ = replayed
    late = {tuple(row[column] for column in WINDOW) for row in truth.driver_activity if row["late"]}
    due = [row for row in truth.driver_activity if row["closed"] and not row["late"]]
    expected = [{name: value for name, value in row.items() if name not in ("late", "closed")} for row in due]

    def found() -> list[Row]:
        return [
            row for row in rows(stack.lake, "dm.driver_activity") if tuple(row[column] for column in WINDOW) not in late
        ]

    eventually(
        lambda: not differences(found(), expected, WINDOW),
        lambda: f"closed windows to equal the truth; {differences(found(), expected, WINDOW)[:3]}",
        seconds=120,
    )
    assert late, "the span has no late event: it proves nothing about them"


def test_every_malformed_record_is_kept_once_with_its_place_and_reason(replayed: tuple[Stack, Truth, int]) -> None:
    stack, truth, _ = replayed
    expected = [
        {
            "source": entry.topic,
            "kafka_partition": entry.partition,
            "kafka_offset": entry.offset,
            "reason": entry.reason,
        }
        for entry in truth.rejected
    ]
    becomes_equal(stack, "ods.rejected", tuple(expected), ("source", "kafka_partition", "kafka_offset"))


def test_the_report_equals_the_truth_in_every_market_and_local_day(replayed: tuple[Stack, Truth, int]) -> None:
    stack, truth, _ = replayed
    becomes_equal(stack, "dwd.orders", truth.orders, ("order_id",))
    declared = warehouse(stack)
    days = {(row["market"], row["local_date"]) for row in truth.daily_orders}
    run_report(
        stack,
        declared.model(TableName.parse("rpt.daily_orders")),
        [Partition(market, date.fromisoformat(day)) for market, day in sorted(days)],
        markets=declared.markets,
    )
    key = ("market", "local_date", "price_category", "vehicle_type")
    assert differences(rows(stack.lake, "rpt.daily_orders"), truth.daily_orders, key) == []
