"""One apply at a time on a stack: the lock, and who holds it.

The lock is the kernel's (flock), so a process that is killed lets go of it; what lies in the file beside it may be of
a holder that is gone, and is believed only as long as that process lives.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.wholefile import write_whole

_LOCK_SECONDS = 300.0


@contextmanager
def applying(stack: Stack, doing: str, on_event: Callable[[str], None]) -> Iterator[None]:
    """Hold the stack's apply lock: plans are made and carried out one at a time.

    Args:
        stack: Whose.
        doing: What it is held for, told to whoever waits meanwhile.
        on_event: Told who holds it, when it has to be waited for.

    Raises HeadwaterError, naming the holder, when it does not let go within five minutes.
    """
    folder = stack.home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / "apply.holder"
    lock = FileLock(folder / "apply.lock")
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_event(f"wait for another apply: {_described(holder)}")
            lock.acquire(timeout=_LOCK_SECONDS)
    except Timeout as error:
        raise HeadwaterError(
            f"Another apply has held this stack for over {_LOCK_SECONDS:.0f} s: {_described(holder)}",
            left="nothing was changed",
            next_command="wait for it, or stop that process, then headwater apply",
        ) from error
    try:
        _write(holder, doing)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _write(holder: Path, doing: str) -> None:
    said = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(), "doing": doing}
    write_whole(holder, json.dumps(said).encode())


def _described(holder: Path) -> str:
    """The holder in words: process, what it does, since when."""
    import psutil

    try:
        said = json.loads(holder.read_text())
        since = datetime.fromisoformat(said["since"])
        if psutil.pid_exists(said["pid"]):
            return f"process {said['pid']}, {said['doing']}, since {since:%H:%M:%S} UTC"
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    return "a process that has not said which it is"
