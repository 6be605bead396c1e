"""Instants as whole milliseconds since 1970-01-01T00:00Z, and the ways the topics and tables spell them.

Milliseconds, because that is the precision of TIMESTAMP_LTZ(3), and whole numbers, because a generator that
compared floats would not be the same on every machine.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime. Raises ValueError when it has no zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_datetime(instant: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=instant)


@lru_cache(maxsize=65_536)
def _to_the_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def iso(instant: int) -> str:
    """`2026-11-22T03:04:05.678Z`, as Flink's ISO-8601 JSON time format reads it."""
    return f"{_to_the_second(instant // SECOND)}.{instant % SECOND:03d}Z"


@lru_cache(maxsize=4_096)
def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).date().isoformat()


def utc_day(instant: int) -> str:
    """The UTC calendar day, `2026-11-22`."""
    return _day(instant // DAY)


@lru_cache(maxsize=65_536)
def _local_day(minute: int, zone: ZoneInfo) -> str:
    return to_datetime(minute * MINUTE).astimezone(zone).date().isoformat()


def local_day(instant: int, zone: ZoneInfo) -> str:
    """The calendar day in the zone. Zone offsets change on whole minutes, so the minute decides."""
    return _local_day(instant // MINUTE, zone)


def minute_of(instant: int) -> int:
    """The start of the minute that the instant lies in, as an instant."""
    return instant - instant % MINUTE
