"""Asking the process `watch` from outside whether all is well, so that its own death is heard of too."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from headwater.trouble import Trouble
from resources.local.watch import NAME

_SECONDS = 10.0

Asking = Callable[[], tuple[Trouble, ...]]


def ask(url: str) -> tuple[Trouble, ...]:
    """What `/healthz` tells of; that nobody answers there, or nonsense, is a trouble like any other."""
    try:
        said = httpx.get(f"{url}/healthz", timeout=_SECONDS).json()
        return tuple(Trouble(each["subject"], each["what"], each["next"]) for each in said["troubles"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        why = str(error) or type(error).__name__
        return (Trouble(NAME, f"does not answer at {url}: {why}", f"headwater logs {NAME}, or headwater up"),)


@dataclass(frozen=True, slots=True)
class Change:
    """Something died, or is well again.

    Args:
        at: When it was found, UTC.
        trouble: What it is, in the newest words.
        over: It is well again.
    """

    at: datetime
    trouble: Trouble
    over: bool


def changes(
    asking: Asking,
    wait: Callable[[], object],
    hold: timedelta,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Change | None]:
    """Ask again and again, for ever; give each death and each recovery once, and None after every round.

    Args:
        asking: Gives what is dead now.
        wait: Called between two rounds.
        hold: Something is dead when it has been so for as long: a process that is restarted comes back before.
        clock: The time, UTC.
    """
    since: dict[str, datetime] = {}
    told: dict[str, Trouble] = {}
    while True:
        now = clock()
        found: Mapping[str, Trouble] = {trouble.subject: trouble for trouble in asking()}
        since = {subject: since.get(subject, now) for subject in found}
        for subject, trouble in found.items():
            if subject not in told and now - since[subject] >= hold:
                told[subject] = trouble
                yield Change(now, trouble, over=False)
        for subject in [subject for subject in told if subject not in found]:
            yield Change(now, told.pop(subject), over=True)
        yield None
        wait()
