"""Today so far, and any other day up to the same local time: by the market's clocks, whatever was done to them.

The relation `calendar.so_far` has one row for each market and day. Joined with a table of minutes it gives every
measure of today and of any chosen day as far as today has come.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from headwater.batch import Literal, Partition
from headwater.calendar import CALENDARS, calendar_name, calendar_row, local_date, local_day, period, span
from headwater.model import Grain, Market

SO_FAR = "calendar.so_far"

QUERY_CALENDARS = {
    **CALENDARS,
    SO_FAR: {
        "market": "STRING",
        "local_date": "DATE",
        "days_ago": "INT",
        "starts_at": "TIMESTAMP_LTZ(3)",
        "until": "TIMESTAMP_LTZ(3)",
    },
}
"""The relations of the calendar that a query can read: their columns, with Flink's types."""

DAYS = 800
"""How many days back the calendar of a query goes: two years and a bit."""

CalendarRow = dict[str, Literal]


def same_time(market: Market, day: date, at: datetime) -> datetime:
    """The instant of this day at which the market's clocks first show what they show at `at`, or more.

    So a time that the clock skips on that day is the moment of the change. Of a time that comes twice it is the first,
    unless `at` is itself the second of two (PEP 495, `fold`). It is never outside the day, and on the day of `at` it is
    `at` itself. Raises ValueError when `at` has no zone.
    """
    if local_date(market, at) == day:
        return at.astimezone(UTC)
    shown = at.astimezone(market.zone)
    wanted = datetime.combine(day, shown.time(), market.zone).replace(fold=shown.fold)
    found = wanted.astimezone(UTC)
    if found.astimezone(market.zone).replace(tzinfo=None) != wanted.replace(tzinfo=None):
        found = _change_between(market, wanted.replace(fold=1).astimezone(UTC), wanted.replace(fold=0).astimezone(UTC))
    whole = local_day(market, day)
    return min(max(found, whole.starts_at), whole.ends_at)


def calendar_rows(name: str, markets: Sequence[Market], now: datetime) -> list[CalendarRow]:
    """The rows of a relation in `QUERY_CALENDARS`, at this instant: days and months that have begun.

    Args:
        now: An instant; whole minutes of it count. Raises ValueError when it has no zone.
    """
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    if name == SO_FAR:
        return [row for market in markets for row in _so_far(market, at)]
    grain = next(grain for grain in Grain if calendar_name(grain) == name)
    return [
        calendar_row(part, span(market, part))
        for market in markets
        for part in _begun(market, local_date(market, at), grain)
    ]


def _begun(market: Market, today: date, grain: Grain) -> Iterator[Partition]:
    days = (today - timedelta(days=ago) for ago in range(DAYS + 1))
    for first in dict.fromkeys(period(day, grain) for day in days):
        yield Partition(market.code, first, grain)


def _so_far(market: Market, at: datetime) -> Iterator[CalendarRow]:
    today = local_date(market, at)
    for ago in range(DAYS + 1):
        day = today - timedelta(days=ago)
        yield {
            "market": market.code,
            "local_date": day,
            "days_ago": ago,
            "starts_at": local_day(market, day).starts_at,
            "until": same_time(market, day, at),
        }


def _change_between(market: Market, before: datetime, after: datetime) -> datetime:
    """The instant between two at which the zone's offset changes, to the second."""
    offset = before.astimezone(market.zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(market.zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
