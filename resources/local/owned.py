"""Every process that belongs to one stack, found by what its environment says, whoever its parent is now."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import psutil

VARIABLE = "HEADWATER_OWNER"


def owned(home: Path) -> tuple[psutil.Process, ...]:
    """Processes started for the stack of this state folder and still alive, this one and its parents excepted."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return tuple(
        process for process in psutil.process_iter() if process.pid not in spared and _owner(process) == str(home)
    )


def stop_owned(home: Path, seconds: float = 5) -> tuple[str, ...]:
    """End them: asked first, killed when they are still there after `seconds`. Gives `name (pid)` of each."""
    found = owned(home)
    stopped = tuple(f"{_name(process)} ({process.pid})" for process in found)
    for process in found:
        _quietly(process.terminate)
    _, left = psutil.wait_procs(found, timeout=seconds)
    for process in left:
        _quietly(process.kill)
    psutil.wait_procs(left, timeout=5)
    return stopped


def _owner(process: psutil.Process) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get(VARIABLE)
    except psutil.Error:
        return None


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "process"


def _quietly(action: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.Error):
        action()
