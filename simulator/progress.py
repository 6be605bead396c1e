"""How far the live upstream has come, so that the next start goes on from there."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

import orjson

from headwater.problem import HeadwaterError
from headwater.wholefile import write_whole
from simulator.instant import MINUTE, from_datetime, iso
from simulator.lifecycle import HORIZON_MINUTES
from simulator.tally import NOTHING, Sent


@dataclass(frozen=True, slots=True)
class Settings:
    """What the live stream depends on. Other settings place other orders, so they never play a minute again.

    Args:
        seed: Where every draw starts.
        orders_per_second: World-wide, if every market were at its evening peak.
        markets: Codes, in order.
    """

    seed: int
    orders_per_second: float
    markets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been sent.

    Args:
        settings: Those of the orders under way.
        stretches: Minutes (from 1970) in which these settings placed orders, as first and end; the last goes on.
        sent_through: Every record due up to this instant is with the broker.
        sent: Counts since the first start.
    """

    settings: Settings
    stretches: tuple[tuple[int, int], ...]
    sent_through: int
    sent: Sent = NOTHING

    def minutes(self) -> Iterator[int]:
        """The minutes to play so that every order that may still be under way goes on, and then for ever."""
        earliest = self.sent_through // MINUTE - HORIZON_MINUTES
        for first, end in self.stretches[:-1]:
            yield from range(max(first, earliest), end)
        yield from count(max(self.stretches[-1][0], earliest))

    def moved(self, sent_through: int, sent: Sent) -> "Progress":
        """The same, further on."""
        return replace(self, sent_through=max(self.sent_through, sent_through), sent=sent)


def begin(before: Progress | None, settings: Settings, now: int, history: int) -> Progress:
    """Where a start at instant `now` goes on.

    Orders under way are taken on as if nothing had been, unless the settings differ: ids come from the minute, so
    other settings may only play minutes that nobody played, and the orders under way never end.
    A pause longer than the history stays without new orders; what orders under way had due in it is sent at once.

    Args:
        history: How many minutes of the past a start may fill.
    """
    earliest = now // MINUTE - history
    if before is None:
        return Progress(settings, ((earliest, earliest),), earliest * MINUTE - 1)
    reached = before.sent_through // MINUTE + 1
    if before.settings != settings:
        first = max(reached, earliest)
        return replace(before, settings=settings, stretches=((first, first),))
    *closed, (first, _) = before.stretches
    if earliest <= reached:
        return before
    useful = [each for each in (*closed, (first, reached)) if each[1] > reached - 1 - HORIZON_MINUTES]
    return replace(before, stretches=(*useful, (earliest, earliest)))


def load(file: Path) -> Progress | None:
    """What `save` wrote, or None when there is nothing. Raises HeadwaterError when it cannot be understood."""
    try:
        said = orjson.loads(file.read_bytes())
        settings = said["settings"]
        return Progress(
            settings=Settings(settings["seed"], settings["orders_per_second"], tuple(settings["markets"])),
            stretches=tuple((first, end) for first, end in said["stretches"]),
            sent_through=from_datetime(datetime.fromisoformat(said["sent_through"])),
            sent=Sent(**said["sent"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise HeadwaterError(
            f"The simulator's progress in {file} cannot be read: {error}",
            left="the topics are as they were",
            next_command=f"rm {file} (the simulator then starts over; orders under way never end)",
        ) from error


def save(progress: Progress, file: Path) -> None:
    """Write the progress in one step: a reader sees the old or the new, and a crash leaves one of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    said = asdict(progress) | {"sent_through": iso(progress.sent_through)}
    write_whole(file, orjson.dumps(said, option=orjson.OPT_INDENT_2))
