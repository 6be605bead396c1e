"""When nobody is told: silences asked for by hand, maintenance windows, and stops that are meant."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from headwater.alerts.condition import Condition

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody is told of what this matches, until then.

    Args:
        pattern: A subject (`dwd.orders`) or kind and subject (`job:dwd.orders`), with `*`, `?` and `[…]` as in a shell.
        until: UTC.
        reason: Why, for whoever looks at it.
        id: What it is removed by, or "" when it was not asked for by hand.
    """

    pattern: str
    until: datetime
    reason: str
    id: str = ""

    def covers(self, condition: Condition) -> bool:
        """It matches this condition, whatever the time."""
        return fnmatchcase(condition.subject, self.pattern) or fnmatchcase(condition.key, self.pattern)


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window: the same hours on some days of the week.

    Args:
        name: What it is called in alerts.yaml.
        subjects: Patterns, as of a `Silence`.
        begins: Time of day in the zone.
        ends: The same; a window whose end is not after its begin goes on into the next day.
        zone: A market's, or UTC.
        days: Days on which it begins, 0 for Monday; all of them when empty.
        reason: Why.
    """

    name: str
    subjects: tuple[str, ...]
    begins: time
    ends: time
    zone: ZoneInfo
    days: tuple[int, ...] = ()
    reason: str = ""

    def end(self, now: datetime) -> datetime | None:
        """When the window ends that is open now; None when it is closed.

        Begin and end are local times of the zone on their own days, so that a window across a change of the clock has
        the hours that the clock on the wall shows.
        """
        today = now.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            if self.days and day.weekday() not in self.days:
                continue
            last = day if self.begins < self.ends else day + timedelta(days=1)
            begins = datetime.combine(day, self.begins, self.zone)
            ends = datetime.combine(last, self.ends, self.zone)
            if begins.timestamp() <= now.timestamp() < ends.timestamp():
                return ends.astimezone(now.tzinfo)
        return None

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """What it silences now; nothing when it is closed."""
        until = self.end(now)
        if until is None:
            return ()
        reason = f"maintenance window {self.name}" + (f": {self.reason}" if self.reason else "")
        return tuple(Silence(pattern, until, reason) for pattern in self.subjects)
