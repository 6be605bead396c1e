"""One at a time: what two processes may not do to one stack together."""

from collections.abc import Iterator
from contextlib import contextmanager

from headwater.problem import HeadwaterError
from headwater.stack import Stack


@contextmanager
def alone(stack: Stack, name: str, refusal: HeadwaterError) -> Iterator[None]:
    """Hold the lock of this name in the stack's state folder; raises the refusal at once when another holds it."""
    from filelock import FileLock, Timeout

    folder = stack.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{name}.lock", timeout=0):
            yield
    except Timeout as error:
        raise refusal from error
