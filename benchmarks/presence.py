"""B8: what the platform takes while ten jobs run and nothing is wrong, beside what Flink takes for them."""

import time
from collections.abc import Collection
from pathlib import Path

from benchmarks.chains import Traffic, write_chains
from benchmarks.faults import await_that
from benchmarks.figure import Figure, Goal
from benchmarks.stand import Tell, lend_jars, own_stack
from headwater.stack import Stack
from resources.deploy import deploy
from resources.local import lifecycle
from resources.local.processes import processes

_CHAINS = 5  # of two jobs each
_SECONDS = 600.0
_SETTLE_SECONDS = 180.0
_FLINK = ("jobmanager", "taskmanager")
_OURS = ("watch", "keeper")
_DAEMON = (*_OURS, "dagster-daemon", "dagster-code")
_ALL = (*_DAEMON, "dagster-webserver")


def measure(folder: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Ten minutes in all, in as many parts as rounds, after Dagster has come to rest."""
    stack = own_stack(folder)
    stack = Stack(stack.home, folder / "warehouse", stack.ports)
    chains = write_chains(stack.warehouse, _CHAINS)
    lend_jars(stack)
    try:
        lifecycle.start(stack, serving=False)
        with Traffic(stack.kafka, chains, seed=1) as traffic:
            traffic.steady(on=True)
            deploy(stack, lambda _line: None)
            lifecycle.start_dagster(stack)
            await_that(lambda: all(each.state == "RUNNING" for each in processes(stack)), "every process to run")
            tell(f"waiting {_SETTLE_SECONDS:.0f} s until Dagster has come to rest")
            time.sleep(_SETTLE_SECONDS)
            parts = [_part(stack, _SECONDS / rounds, tell) for _ in range(rounds)]
    finally:
        lifecycle.stop(stack)
    ours, daemon, everything, flink = ([part[place] for part in parts] for place in range(4))
    note = f"{2 * _CHAINS} jobs of a few events a second each, {_SECONDS / 60:.0f} min; ours: {', '.join(_OURS)}"
    return [
        Figure("B8", "CPU of the platform / of Flink", "cores", tuple(ours), tuple(flink), Goal(0.01), note),
        Figure("B8", "the same with Dagster's daemon and code server", "cores", tuple(daemon), goal=Goal(0.15)),
        Figure("B8", "the same with Dagster's web page, which nobody looks at", "cores", tuple(everything)),
    ]


def _part(stack: Stack, seconds: float, tell: Tell) -> tuple[float, ...]:
    """Cores in use by the platform, with Dagster's daemon, with its web page, and by Flink."""
    tell(f"measuring for {seconds:.0f} s")
    before, began = _spent(stack), time.monotonic()
    time.sleep(seconds)
    after, passed = _spent(stack), time.monotonic() - began

    def cores(names: Collection[str]) -> float:
        return sum(after[name] - before[name] for name in names) / passed

    return tuple(cores(names) for names in (_OURS, _DAEMON, _ALL, _FLINK))


def _spent(stack: Stack) -> dict[str, float]:
    return {process.name: process.cpu for process in processes(stack)}
