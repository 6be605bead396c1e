"""Faults in a row while the simulator sends: afterwards every table must hold the simulator's truth, row for row."""

import contextlib
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median

from benchmarks.declared import declare
from benchmarks.faults import FAULTS, Ground, await_calm, await_that, drawn
from benchmarks.figure import Figure, Goal
from benchmarks.lakerows import Row, rows, tally
from benchmarks.stand import WAREHOUSE, Tell, lend_jars, own_stack
from headwater.loader import load
from headwater.model import Layer
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import deploy
from resources.local import lifecycle
from simulator.replay import ReplaySpan, replay
from simulator.truth import Truth

KEYS: Mapping[str, tuple[str, ...]] = {
    "dwd.orders": ("order_id",),
    "dwd.driver_status": ("event_id",),
    "dm.kpi_minute": ("market", "minute_at", "price_category", "vehicle_type"),
    "dm.driver_activity": ("market", "window_start", "status"),
    "dwd.coupon_redemption": ("event_id",),
    "dm.coupon_budget": ("market", "campaign"),
    "dm.coupon_user": ("market", "user_id"),
    "dm.user_risk": ("market", "user_id", "quarter_at"),
    "dm.driver_risk": ("market", "driver_id", "quarter_at"),
    "ods.rejected": ("source", "kafka_partition", "kafka_offset"),
}
"""What identifies a row of each table that is compared."""

_BEFORE_EACH = 4_000  # records that are sent between one fault and the next, so that each finds the jobs at work


@dataclass(frozen=True, slots=True)
class Survived:
    """What came of a run.

    Args:
        seed: What made it; the same seed draws the same faults.
        faults: In the order in which they happened.
        seconds: Of each, until every job had completed a checkpoint again, the mending included.
        truth: What the tables must hold.
    """

    seed: int
    faults: tuple[str, ...]
    seconds: tuple[float, ...]
    truth: Truth


def copied_warehouse(folder: Path) -> Path:
    """A copy of the reference warehouse that may be edited, with a checkpoint every second."""
    edited = [model.name for model in load(WAREHOUSE).streaming if model.name.layer is not Layer.ODS]
    return declare(folder / "warehouse", topics="", checkpoints="1s", models=edited)


def survive(stack: Stack, span: ReplaySpan, faults: Iterable[str], seed: int, tell: Tell) -> Survived:
    """Start the warehouse's jobs on a running stack, and let the faults happen one after the other.

    Raises AssertionError when jobs do not come back, or two write one table.
    """
    ground = Ground(stack, Random(seed))
    deploy(stack, lambda _line: None)
    await_calm(ground)
    with _Sender(stack, span) as sender:
        done: list[str] = []
        seconds: list[float] = []
        for name in faults:
            sender.go_on(_BEFORE_EACH)
            began = time.monotonic()
            FAULTS[name](ground)
            await_calm(ground)
            done.append(name)
            seconds.append(time.monotonic() - began)
            tell(f"{len(done)}. {name}: every job runs again after {seconds[-1]:.1f} s")
        truth = sender.end()
    return Survived(seed, tuple(done), tuple(seconds), truth)


def due(truth: Truth) -> dict[str, tuple[list[Row], set[tuple[object, ...]]]]:
    """The rows that each table must hold, and keys of which nothing can be said: windows that late events fall into."""
    late = {tuple(row[c] for c in KEYS["dm.driver_activity"]) for row in truth.driver_activity if row["late"]}
    windows = [row for row in truth.driver_activity if row["closed"] and not row["late"]]
    rejected = [
        {"source": r.topic, "kafka_partition": r.partition, "kafka_offset": r.offset, "reason": r.reason}
        for r in truth.rejected
    ]
    return {
        "dwd.orders": (list(truth.orders), set()),
        "dwd.driver_status": (list(truth.driver_status), set()),
        "dm.kpi_minute": (list(truth.kpi_minute), set()),
        "dm.driver_activity": ([_without_notes(row) for row in windows], late),
        "dwd.coupon_redemption": (list(truth.coupon_redemption), set()),
        "dm.coupon_budget": (list(truth.coupon_budget), set()),
        "dm.coupon_user": (list(truth.coupon_user), set()),
        "dm.user_risk": (list(truth.user_risk), set()),
        "dm.driver_risk": (list(truth.driver_risk), set()),
        "ods.rejected": (list(rejected), set()),
    }


def compare(stack: Stack, truth: Truth) -> dict[str, tuple[int, int, int]]:
    """Of each table: rows lost, rows doubled or too many, rows that say something else."""
    return {
        table: tally(held(stack, table, unsure), expected, KEYS[table])
        for table, (expected, unsure) in due(truth).items()
    }


def held(stack: Stack, table: str, unsure: Collection[tuple[object, ...]]) -> list[Row]:
    """The rows that a table holds, but for those of keys of which nothing can be said."""
    return [row for row in rows(stack.lake, table) if tuple(row[c] for c in KEYS[table]) not in unsure]


def measure(folder: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Ten faults a round, each round with another seed, on a stack of its own."""
    survived: list[Survived] = []
    totals: list[tuple[int, int, int]] = []
    for number in range(1, rounds + 1):
        place = folder / str(number)
        stack = own_stack(place)
        stack = Stack(stack.home, copied_warehouse(place), stack.ports)
        lend_jars(stack)
        span = ReplaySpan(datetime(2026, 11, 22, 3, tzinfo=UTC), minutes=60, orders=12_000, seed=number)
        try:
            lifecycle.start(stack, dagster=False, serving=False)
            done = survive(stack, span, drawn(Random(number), 10), number, tell)
            survived.append(done)
            totals.append(_settled(stack, done.truth))
            tell(f"seed {number}: lost {totals[-1][0]}, doubled {totals[-1][1]}, other {totals[-1][2]}")
        finally:
            lifecycle.stop(stack)
            shutil.rmtree(place, ignore_errors=True)
    return _figures(survived, totals, [_rows(done.truth) for done in survived])


def _settled(stack: Stack, truth: Truth) -> tuple[int, int, int]:
    """The sums over all tables, once they hold the truth or have had long enough to."""
    with contextlib.suppress(AssertionError):
        await_that(lambda: not any(map(any, compare(stack, truth).values())), "the tables to hold the truth")
    lost, doubled, other = zip(*compare(stack, truth).values(), strict=True)
    return sum(lost), sum(doubled), sum(other)


def _rows(truth: Truth) -> int:
    return sum(len(expected) for expected, _ in due(truth).values())


def _figures(survived: list[Survived], totals: list[tuple[int, int, int]], each: list[int]) -> list[Figure]:
    def sums(place: int) -> tuple[float, ...]:
        return tuple(float(total[place]) for total in totals)

    seeds = ", ".join(str(done.seed) for done in survived)
    note = f"seeds {seeds}; {min(each):,} to {max(each):,} rows in five tables a round"
    slowest, name = max(max(zip(done.seconds, done.faults, strict=True)) for done in survived)
    longest = f"median of a round's faults, mending by hand included; the longest, {name}: {slowest:.0f} s"
    count = tuple(float(len(done.faults)) for done in survived)
    back = tuple(median(done.seconds) for done in survived)
    return [
        Figure("chaos", "faults survived in a row", "faults", count, goal=Goal(10, at_least=True), note=note),
        Figure("chaos", "rows lost", "rows", sums(0), goal=Goal(0)),
        Figure("chaos", "rows doubled", "rows", sums(1), goal=Goal(0)),
        Figure("chaos", "rows that say something else", "rows", sums(2), goal=Goal(0)),
        Figure("chaos", "from a fault until every job has a checkpoint again", "s", back, note=longest),
    ]


def _without_notes(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("late", "closed")}


class _Sender:
    """Sends the span in the background, so many records at a time; the rest when it is told to end."""

    def __init__(self, stack: Stack, span: ReplaySpan) -> None:
        self._allowed = 0.0
        self._more = threading.Condition()
        self._truth: Truth | None = None
        self._failure: HeadwaterError | None = None

        def send() -> None:
            try:
                self._truth = replay(stack.kafka, warehouse(stack).markets, span, hold=self._hold)
            except HeadwaterError as error:
                self._failure = error

        self._thread = threading.Thread(target=send, daemon=True)

    def __enter__(self) -> "_Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on(float("inf"))
        self._thread.join()

    def go_on(self, records: float) -> None:
        """Let so many more be sent; return at once."""
        with self._more:
            self._allowed += records
            self._more.notify_all()

    def end(self) -> Truth:
        """Send the rest, and give the truth when the broker has it all."""
        self.go_on(float("inf"))
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert self._truth is not None
        return self._truth

    def _hold(self, sent: int) -> None:
        with self._more:
            self._more.wait_for(lambda: sent < self._allowed)
