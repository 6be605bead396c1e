"""Stalls at random hops, and whether people are told: how soon, of the right place, and of nothing else.

The whole is at work as people run it: jobs, the process `watch`, its alerts, a webhook. A round is a time of pauses and
bursts in which nothing is wrong, and then stalls: of single jobs, a few at a time, of the TaskManager, of the broker.
During one group of them the webhook refuses everything.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import quantiles

from benchmarks.chains import Chain, Traffic, write_chains
from benchmarks.faults import await_that
from benchmarks.figure import Figure, Goal
from benchmarks.receiver import Delivered, Receiver, receiving
from benchmarks.stalls import Stall, drawn, hung_broker, hung_taskmanager
from benchmarks.stand import Tell, lend_jars, own_stack
from headwater.alerts.policy import NOTIFY_VARIABLE
from headwater.lag.hops import State
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import deploy
from resources.lags import lags
from resources.local import lifecycle

_CHAINS = 6
# Fewer than half of the jobs suffer from a group: more of them at once would be told as one of Flink, as they should.
_GROUPS = (3, 3, 2)
_CALM_SECONDS = 720.0
_AWAY_SECONDS = 45.0
_ID = "detection"


@dataclass
class Course:
    """What came of the stalls so far.

    Args:
        seconds: From each stall to the moment at which people were to be told.
        promises: Of the tables that stalled first, in the same order.
        wrong: Alerts that named something else while a stall was on.
        idle: Alerts while nothing was wrong.
        lost: Stalls that nobody was told of.
        calm: Seconds in which nothing was wrong.
        names: Of the stalls.
    """

    seconds: list[float] = field(default_factory=list)
    promises: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    calm: float = 0.0
    names: list[str] = field(default_factory=list)


def measure(folder: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Ten stalls a round and twelve minutes in which nothing is wrong, on a stack of its own."""
    stack = own_stack(folder)
    stack = Stack(stack.home, folder / "warehouse", stack.ports)
    chains = write_chains(stack.warehouse, _CHAINS)
    lend_jars(stack)
    course = Course()
    with receiving() as (receiver, address):
        before = os.environ.get(NOTIFY_VARIABLE)
        os.environ[NOTIFY_VARIABLE] = address
        try:
            lifecycle.start(stack, dagster=False, serving=False)
            with Traffic(stack.kafka, chains, seed=1) as traffic:
                deploy(stack, lambda _line: None)
                _await_fresh(stack)
                for number in range(1, rounds + 1):
                    _round(stack, chains, traffic, receiver, Random(number), course, tell)
        finally:
            lifecycle.stop(stack)
            os.environ.pop(NOTIFY_VARIABLE) if before is None else os.environ.update({NOTIFY_VARIABLE: before})
    return _figures(course)


def _round(
    stack: Stack,
    chains: Sequence[Chain],
    traffic: Traffic,
    receiver: Receiver,
    random: Random,
    course: Course,
    tell: Tell,
) -> None:
    traffic.steady(on=False)
    tell(f"nothing is wrong for {_CALM_SECONDS / 60:.0f} min")
    position, began = receiver.count, time.monotonic()
    time.sleep(_CALM_SECONDS)
    course.calm += time.monotonic() - began
    course.idle += [f"{each.change} {each.cause}" for each in receiver.since(position)]
    traffic.steady(on=True)
    _await_fresh(stack)
    for number, together in enumerate(_GROUPS):
        group = [drawn(stack, chain, random) for chain in random.sample(chains, together)]
        _inject(stack, group, receiver, course, tell, away=number == 0)
    for stall in (hung_taskmanager(stack), hung_broker(stack)):
        _inject(stack, [stall], receiver, course, tell)


def _inject(
    stack: Stack, stalls: Sequence[Stall], receiver: Receiver, course: Course, tell: Tell, *, away: bool = False
) -> None:
    """Let stalls happen together, wait until all are told, mend them, and wait until all are over."""
    position = receiver.count
    receiver.away = away
    begun: dict[Stall, datetime] = {}
    for stall in stalls:
        begun[stall] = datetime.now(UTC)
        stall.begin()
    if away:
        time.sleep(_AWAY_SECONDS)
        receiver.away = False
    try:
        for stall in stalls:
            _await_told(stall, begun[stall], receiver, position, course, tell)
    finally:
        for stall in stalls:
            stall.end()
    _await_fresh(stack)
    await_that(lambda: not _open(receiver.since(position)), lambda: f"the end of {_open(receiver.since(position))}")
    expected = frozenset().union(*(stall.causes for stall in stalls))
    course.wrong += [
        f"{each.cause} ({stalls[0].name})"
        for each in receiver.since(position)
        if each.change == "opened" and each.cause not in expected
    ]


def _await_told(stall: Stall, begun: datetime, receiver: Receiver, position: int, course: Course, tell: Tell) -> None:
    def told() -> list[Delivered]:
        return [each for each in receiver.since(position) if each.cause in stall.causes and each.change != "resolved"]

    course.names.append(stall.name)
    try:
        await_that(lambda: bool(told()), f"an alert of «{stall.name}»")
    except AssertionError:
        course.lost.append(stall.name)
        tell(f"{len(course.names)}. {stall.name}: nobody was told")
        return
    opened = told()[0].opened_at or datetime.now(UTC)
    course.seconds.append((opened - begun).total_seconds())
    course.promises.append(stall.promise)
    tell(f"{len(course.names)}. {stall.name}: told after {course.seconds[-1]:.1f} s, promised {stall.promise:.0f} s")


def _open(delivered: Sequence[Delivered]) -> set[str]:
    """Incidents that have begun and are not over."""
    found: set[str] = set()
    for each in delivered:
        (found.discard if each.change == "resolved" else found.add)(each.incident)
    return found


def _await_fresh(stack: Stack) -> None:
    """No table breaks its promise."""
    declared = warehouse(stack)

    def late() -> list[str]:
        found = lags(stack, declared, datetime.now(UTC))
        late = [lag for lag in found if lag.promise and lag.state not in (State.FRESH, State.QUIET)]
        return [
            f"{lag.table} ({lag.behind} behind, {lag.guilty.label if lag.guilty else lag.unmeasured})" for lag in late
        ]

    await_that(lambda: not late(), lambda: f"every table to catch up: {'; '.join(late())}")


def _figures(course: Course) -> list[Figure]:
    count = float(len(course.names))
    stalls = f"{len(course.names)} stalls; the alerts' defaults: seen each 10 s, told when it has held for 20 s"
    cuts = quantiles(course.seconds, n=100, method="inclusive")
    promised = quantiles(course.promises, n=100, method="inclusive")
    calm = f"{course.calm / 60:.0f} min of pauses and bursts" + _listed(course.idle)
    return [
        Figure(
            _ID, "from a stall to the alert, p50, against the promise", "s", (cuts[49],), (promised[49],), note=stalls
        ),
        Figure(_ID, "from a stall to the alert, p99, against the promise", "s", (cuts[98],), (promised[98],)),
        Figure(
            _ID,
            "alerts that name another place than the one that stalled",
            "alerts",
            (float(len(course.wrong)),),
            goal=Goal(0),
            note=f"of {count:.0f} stalls{_listed(course.wrong)}",
        ),
        Figure(_ID, "alerts while nothing was wrong", "alerts", (float(len(course.idle)),), goal=Goal(0), note=calm),
        Figure(
            _ID,
            "stalls that nobody was told of",
            "stalls",
            (float(len(course.lost)),),
            goal=Goal(0),
            note=f"in every round the webhook refused everything during {_GROUPS[0]} stalls{_listed(course.lost)}",
        ),
    ]


def _listed(found: Sequence[str]) -> str:
    return f": {'; '.join(found[:5])}" if found else ""
