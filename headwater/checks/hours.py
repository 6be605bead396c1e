"""Local hours as instants: the newest whole one of a market, and the same hour of earlier weeks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_HOUR = timedelta(hours=1)


class LocalHour(NamedTuple):
    """A half-open span of instants, in UTC."""

    starts_at: datetime
    ends_at: datetime


def newest_whole_hour(zone: ZoneInfo, known_to: datetime) -> LocalHour:
    """The newest hour on this zone's clocks that is over at an instant.

    Args:
        known_to: An instant. Raises ValueError when it has no zone.
    """
    if known_to.tzinfo is None:
        raise ValueError(f"{known_to} is not an instant: it has no zone")
    local = known_to.astimezone(zone)
    # Taken off the instant, and not off the local time: an hour that comes twice is two hours.
    passed = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    ends_at = known_to.astimezone(UTC) - passed
    return LocalHour(ends_at - _HOUR, ends_at)


def same_hours_before(zone: ZoneInfo, hour: LocalHour, weeks: int) -> Sequence[LocalHour]:
    """The hours that the same clocks showed on the same weekday of the weeks before, the newest first.

    Where the clock was changed in between it is another number of hours back; an hour that did not exist in a week is
    the one that followed it (PEP 495, `fold=0`).
    """
    local = hour.starts_at.astimezone(zone)
    starts = [(local - timedelta(weeks=number)).replace(fold=0).astimezone(UTC) for number in range(1, weeks + 1)]
    return [LocalHour(start, start + _HOUR) for start in starts]
