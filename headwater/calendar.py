"""Local days of a market, as instants. A day is whatever its zone makes of it: 23, 24 or 25 hours."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from headwater.batch import Partition
from headwater.model import Market

# The name and columns under which a report's SQL joins the days that are being computed.
LOCAL_DAY = "calendar.local_day"
LOCAL_DAY_COLUMNS = {
    "market": "STRING",
    "local_date": "DATE",
    "starts_at": "TIMESTAMP_LTZ(3)",
    "ends_at": "TIMESTAMP_LTZ(3)",
}


class LocalDay(NamedTuple):
    """A half-open span of instants, in UTC."""

    starts_at: datetime
    ends_at: datetime


def local_day(market: Market, day: date) -> LocalDay:
    """The instants of a market's local day: from its first instant to the next day's first instant.

    Where the clock skips midnight the day starts with the first time that exists; where midnight comes twice, with the
    first of the two (PEP 495: `fold=0` is the offset before the change in both cases).
    """
    return LocalDay(_midnight(market, day), _midnight(market, day + timedelta(days=1)))


def local_date(market: Market, at: datetime) -> date:
    """The date on the market's calendars at this instant. Raises ValueError when `at` has no zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} is not an instant: it has no zone")
    return at.astimezone(market.zone).date()


def yesterday(market: Market, at: datetime) -> date:
    """The newest local date that is over in this market at this instant. Raises ValueError when `at` has no zone."""
    return local_date(market, at) - timedelta(days=1)


def partitions(markets: Sequence[Market], first: date, last: date) -> Iterator[Partition]:
    """Every market's every date from first to last, both included, dates outermost."""
    for offset in range((last - first).days + 1):
        for market in markets:
            yield Partition(market.code, first + timedelta(days=offset))


def _midnight(market: Market, day: date) -> datetime:
    return datetime.combine(day, time(), market.zone).astimezone(UTC)
