"""The state of the local processes, as the supervisor and the operating system see them."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        cpu: Seconds of processor time that it and its children have taken since its start, ended children included.
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
    reports = supervisor.reports(stack)
    starts = supervisor.starts(stack)
    children = _children() if reports else {}
    return tuple(_status(stack, report, starts, children) for report in reports)


def _status(
    stack: Stack, report: Mapping[str, Any], starts: Mapping[str, int], children: Mapping[int, list[int]]
) -> ProcessStatus:
    name, pid = report["name"], report["pid"]
    usages = [_usage(member) for member in _family(pid, children)] if pid else []
    return ProcessStatus(
        name=name,
        pid=pid or None,
        state=report["statename"],
        uptime=max(0.0, time.time() - report["start"]) if pid else 0.0,
        restarts=max(0, starts.get(name, 0) - 1),
        rss=sum(usage.rss for usage in usages),
        log=supervisor.log_file(stack, name),
        cpu=sum(usage.cpu for usage in usages),
    )


@dataclass(frozen=True, slots=True)
class _Usage:
    rss: int = 0
    cpu: float = 0.0


def _children() -> dict[int, list[int]]:
    """The children of every process of this machine: one sweep for all of the stack's processes together."""
    found: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        found.setdefault(process.info["ppid"], []).append(process.pid)
    return found


def _family(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _family(child, children)


def _usage(pid: int) -> _Usage:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            spent = times.user + times.system + times.children_user + times.children_system
            return _Usage(process.memory_info().rss, spent)
    except psutil.Error:
        return _Usage()
