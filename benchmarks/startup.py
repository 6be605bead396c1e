"""`up`: how long the first and a later `headwater up` take until the data grows, and what memory the whole stack takes.

The command is run as people run it, in a process of its own, on a home and ports of its own, with Dagster and the
simulator.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.figure import Figure, Goal, number
from benchmarks.looking import Looking
from benchmarks.stand import KPI_MINUTE, Tell, own_stack
from headwater.problem import HeadwaterError
from headwater.stack import Stack

MEMORY_SECONDS = 120.0
"""How long the stack runs, all jobs and the simulator with it, after its data has begun to grow."""
_LATER = 2
_PATIENCE = 420.0
_POLL_SECONDS = 0.5


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Time of the first and of up to two later starts, and the memory's peak over all of it."""
    stack = own_stack(scratch)
    environment = _environment(stack)
    memory = Memory(stack.home)
    try:
        with Looking(memory.sample, 2.0):
            tell("up: the first start, jars among it")
            first, reached = _up(stack, environment, None, tell)
            tell(f"up: the first took {first:.0f} s; running on for {MEMORY_SECONDS:.0f} s")
            time.sleep(MEMORY_SECONDS)
            later: list[float] = []
            for _ in range(min(rounds, _LATER)):
                tell("up: stopping")
                _run(["down"], environment, stack)
                reached = _newest_minute(stack) or reached
                tell("up: a later start")
                seconds, reached = _up(stack, environment, reached, tell)
                later.append(seconds)
                tell(f"up: took {seconds:.0f} s")
    finally:
        tell("up: stopping")
        _stop(stack, environment)
    return _figures(first, later, memory)


def _figures(first: float, later: list[float], memory: "Memory") -> list[Figure]:
    shared = f"resident sizes, which count shared pages more than once, add up to {number(memory.peak_rss / 1e9)} GB"
    return [
        Figure(
            "up",
            "first up, until dm.kpi_minute has grown by a minute",
            "s",
            (first,),
            (),
            Goal(300),
            "fetching the jars included, and waiting for the clock's next minute; installing Python packages not",
        ),
        Figure(
            "up",
            "later up, until dm.kpi_minute has a newer minute than before the stop",
            "s",
            tuple(later),
            (),
            Goal(60),
            "after headwater down",
        ),
        Figure(
            "up",
            "peak memory of all processes",
            "GB",
            (memory.peak_pss / 1e9,),
            (),
            Goal(4.5),
            f"proportional set size, summed over every process every two seconds, starts included; {shared}",
        ),
    ]


@dataclass(slots=True)
class Memory:
    """The most that all processes of a stack together have taken at a look; bytes.

    Args:
        home: The stack's state folder, which its processes name in their environment.
    """

    home: Path
    peak_pss: int = 0
    peak_rss: int = 0

    def sample(self) -> None:
        """Take one look."""
        import psutil

        from resources.local.owned import owned

        pss = rss = 0
        for process in owned(self.home):
            try:
                used = process.memory_full_info()
            except psutil.Error:
                continue
            # Only Linux tells the proportional size.
            pss += getattr(used, "pss", used.rss)
            rss += used.rss
        self.peak_pss = max(self.peak_pss, pss)
        self.peak_rss = max(self.peak_rss, rss)


def _up(stack: Stack, environment: dict[str, str], before: datetime | None, tell: Tell) -> tuple[float, datetime]:
    """Start the stack; give the seconds until a minute after `before` is there, and that minute.

    The data is looked at while the command still runs: Dagster's page is the last to come up. Without a `before`, the
    first minute seen takes its place.
    """
    growth = Growth(stack, before)
    began = time.monotonic()
    with Looking(growth.look, _POLL_SECONDS) as looking:
        _run(["up", "--detach"], environment, stack)
        tell(f"up: the command returned after {time.monotonic() - began:.0f} s")
        while growth.seen is None:
            looking.check()
            if time.monotonic() - began > _PATIENCE:
                raise HeadwaterError(
                    f"{KPI_MINUTE} did not grow within {_PATIENCE:.0f} s of headwater up",
                    left="nothing: the benchmark's own stack is stopped and removed",
                    next_command="headwater up, then headwater status, to see what is wrong",
                )
            time.sleep(_POLL_SECONDS)
    at, newest = growth.seen
    return at - began, newest


@dataclass(slots=True)
class Growth:
    """When the table first had a minute after `before`, monotonic, and which."""

    stack: Stack
    before: datetime | None
    seen: tuple[float, datetime] | None = None

    def look(self) -> None:
        """Take one look."""
        newest = None if self.seen else _newest_minute(self.stack)
        self.before = self.before or newest
        if newest is not None and self.before is not None and newest > self.before:
            self.seen = (time.monotonic(), newest)


def _newest_minute(stack: Stack) -> datetime | None:
    from resources.paimon.reader import scan
    from resources.paimon.store import FilesystemTableStore

    snapshot = FilesystemTableStore(stack.lake).latest_snapshot(KPI_MINUTE)
    if snapshot is None:
        return None
    minutes = scan(stack.lake, KPI_MINUTE, snapshot.id, ["minute_at"]).read_all()["minute_at"].to_pylist()
    return max(minutes, default=None)


def _environment(stack: Stack) -> dict[str, str]:
    from resources.jars import FOLDER_VARIABLE

    inherited = {key: value for key, value in os.environ.items() if key != FOLDER_VARIABLE}
    return inherited | stack.environment()


def _run(arguments: list[str], environment: dict[str, str], stack: Stack) -> None:
    command = Path(sys.executable).parent / "headwater"
    log = stack.home.parent / f"{arguments[0]}.log"
    with log.open("w") as output:
        # Into a file: what up leaves running keeps its streams open, and a pipe would be waited for.
        done = subprocess.run(
            [command, *arguments], env=environment, stdout=output, stderr=output, timeout=_PATIENCE, check=False
        )
    if done.returncode:
        said = "\n".join(log.read_text().strip().splitlines()[-8:])
        raise HeadwaterError(
            f"headwater {' '.join(arguments)} ended with status {done.returncode}:\n{said}",
            left="nothing: the benchmark's own stack is stopped and removed",
            next_command="headwater doctor",
        )


def _stop(stack: Stack, environment: dict[str, str]) -> None:
    from resources.local import lifecycle

    try:
        _run(["down"], environment, stack)
    except (HeadwaterError, subprocess.TimeoutExpired):
        lifecycle.stop(stack)
