"""Waiting for a condition on real engines."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], what: str | Callable[[], str], *, seconds: float = 60) -> None:
    """Return once the condition holds; fail, saying what was waited for, when it does not in time.

    Args:
        what: Completes «waited for …»; a function is asked only on failure.
        seconds: Generous: a loaded machine is slow, a broken one never gets there.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.1)
