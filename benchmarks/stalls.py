"""Stalls that are injected into chains: each is begun, waited for until it is told, and ended again."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.chains import COUNTS_PROMISE, EVENTS_PROMISE, Chain
from benchmarks.faults import await_that
from headwater.alerts.condition import TABLE, key_of
from headwater.model import TableName
from headwater.stack import Stack
from resources.deploy import deploy, engine
from resources.local.processes import processes

_FLINK = frozenset({"cluster:flink", "unreachable:flink", "process:taskmanager"})
_KAFKA = frozenset({"unreachable:kafka", "process:kafka"})


@dataclass(frozen=True, slots=True)
class Stall:
    """One stall.

    Args:
        name: For people.
        causes: What an alert of it may name.
        promise: Seconds that the first table that suffers may be behind.
        begin: Lets it happen.
        end: Mends it.
    """

    name: str
    causes: frozenset[str]
    promise: float
    begin: Callable[[], None]
    end: Callable[[], None]


def drawn(stack: Stack, chain: Chain, random: Random) -> Stall:
    """A stall of one of the chain's two jobs: it is gone, or its checkpoints cannot be written."""
    table = random.choice(chain.tables)
    promise = EVENTS_PROMISE if table == chain.tables[0] else COUNTS_PROMISE
    causes = frozenset({key_of(TABLE, str(table))})
    if random.random() < 0.5:
        return Stall(
            f"{table} has no job",
            causes,
            promise.total_seconds(),
            lambda: _cancel(stack, table),
            lambda: _start(stack, table),
        )
    moved: list[tuple[Path, Path]] = []
    return Stall(
        f"{table} writes no checkpoint",
        causes,
        promise.total_seconds(),
        lambda: moved.append(_obstruct(stack, table)),
        lambda: _clear(stack, table, *moved[0]),
    )


def hung_taskmanager(stack: Stack) -> Stall:
    """Nothing that Flink runs goes on."""
    return _hung(stack, "taskmanager", _FLINK)


def hung_broker(stack: Stack) -> Stall:
    """The broker answers nobody."""
    return _hung(stack, "kafka", _KAFKA)


def _hung(stack: Stack, process: str, causes: frozenset[str]) -> Stall:
    return Stall(
        f"{process} hangs",
        causes,
        EVENTS_PROMISE.total_seconds(),
        lambda: _signal(stack, process, signal.SIGSTOP),
        lambda: _signal(stack, process, signal.SIGCONT),
    )


def _signal(stack: Stack, name: str, number: signal.Signals) -> None:
    for process in processes(stack):
        if process.name == name and process.pid is not None:
            os.kill(process.pid, number)


def _cancel(stack: Stack, table: TableName) -> None:
    with engine(stack) as flink:
        (job,) = (job for job in flink.jobs() if job.model == table)
        flink.cancel(job)
        await_that(lambda: all(found.model != table for found in flink.jobs()), f"the job of {table} to end")


def _start(stack: Stack, table: TableName) -> None:
    deploy(stack, lambda _line: None, models={table})


def _obstruct(stack: Stack, table: TableName) -> tuple[Path, Path]:
    """Put a file where the job's checkpoints go."""
    with engine(stack) as flink:
        (job,) = (job for job in flink.jobs() if job.model == table)
    (place,) = stack.job_state.glob(f"{table}/*/checkpoints/{job.id}")
    aside = place.with_name("aside")
    place.rename(aside)
    place.touch()
    return place, aside


def _clear(stack: Stack, table: TableName, place: Path, aside: Path) -> None:
    """Make room again. Flink may have given the job up meanwhile, finding no state to restore: that takes an apply."""
    place.unlink()
    aside.rename(place)
    _start(stack, table)
