"""How the newest applies of a stack ended, whoever asked for them: the command line or Dagster."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.wholefile import write_whole

_KEPT = 200


@dataclass(frozen=True, slots=True)
class Applied:
    """One apply that has ended.

    Args:
        at: When it ended, ISO 8601 in UTC.
        doing: What it was, for people.
        failed: What failed, in one line; "" when nothing did.
    """

    at: str
    doing: str
    failed: str = ""


@contextmanager
def logged(stack: Stack, doing: str) -> Iterator[None]:
    """Write down how what is done in the block ends. To be used by the holder of the apply lock."""
    try:
        yield
    except BaseException as error:
        failed = error.failed if isinstance(error, HeadwaterError) else f"{type(error).__name__}: {error}"
        _add(stack, doing, failed.partition("\n")[0])
        raise
    _add(stack, doing, "")


def applied(stack: Stack) -> tuple[Applied, ...]:
    """The applies that ended, oldest first; the newest 200 are kept."""
    try:
        return tuple(Applied(**entry) for entry in json.loads(_file(stack).read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return ()


def _add(stack: Stack, doing: str, failed: str) -> None:
    entries = [*applied(stack), Applied(datetime.now(UTC).isoformat(), doing, failed)]
    write_whole(_file(stack), json.dumps([asdict(entry) for entry in entries[-_KEPT:]]).encode())


def _file(stack: Stack) -> Path:
    return stack.home / "run" / "applies.json"
