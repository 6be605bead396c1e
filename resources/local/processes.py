"""The state of the local processes, as the supervisor and the operating system see them."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from headwater.stack import Stack
from resources.local import supervisor


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process of the local stack at one moment.

    Args:
        name: How `headwater logs` calls it.
        pid: None when it does not run.
        state: RUNNING, STARTING, BACKOFF (ended too soon, tried again), FATAL (given up), STOPPED, STOPPING, EXITED.
        uptime: Seconds since its last start; 0 when it does not run.
        restarts: Starts after the first, since `headwater up`.
        rss: Resident memory of it and its children, in bytes.
        log: Where its output goes.
        cpu: Seconds of CPU that it and its children have used since they started.
    """

    name: str
    pid: int | None
    state: str
    uptime: float
    restarts: int
    rss: int
    log: Path
    cpu: float = 0.0


def processes(stack: Stack) -> tuple[ProcessStatus, ...]:
    """Every process of the stack; empty when no supervisor runs."""
    starts = supervisor.starts(stack)
    now = time.time()
    return tuple(
        ProcessStatus(
            name=report["name"],
            pid=report["pid"] or None,
            state=report["statename"],
            uptime=max(0.0, now - report["start"]) if report["pid"] else 0.0,
            restarts=max(0, starts.get(report["name"], 0) - 1),
            rss=sum(_rss(member) for member in _family(report["pid"])),
            log=supervisor.log_file(stack, report["name"]),
            cpu=sum(_cpu(member) for member in _family(report["pid"])),
        )
        for report in supervisor.reports(stack)
    )


def _family(pid: int) -> list[psutil.Process]:
    if not pid:
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _rss(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _cpu(process: psutil.Process) -> float:
    """User and system time, with that of children which have ended and were waited for."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system + getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
