"""Local days and months of a market, as instants. A day is whatever its zone makes of it: 23, 24 or 25 hours."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from headwater.batch import Literal, Partition
from headwater.model import Grain, Market, ReportSchedule

LOCAL_DAY = "calendar.local_day"
LOCAL_MONTH = "calendar.local_month"

CALENDARS: Mapping[str, Mapping[str, str]] = {
    LOCAL_DAY: {
        "market": "STRING",
        "local_date": "DATE",
        "starts_at": "TIMESTAMP_LTZ(3)",
        "ends_at": "TIMESTAMP_LTZ(3)",
    },
    LOCAL_MONTH: {
        "market": "STRING",
        "local_month": "DATE",
        "last_date": "DATE",
        "starts_at": "TIMESTAMP_LTZ(3)",
        "ends_at": "TIMESTAMP_LTZ(3)",
    },
}
"""The relations that a report's SQL joins for the partitions being computed: their columns, with Flink's types.

A report by days has the first, one by months the second; `local_month` is the month's first date.
"""


class Span(NamedTuple):
    """A half-open span of instants, in UTC."""

    starts_at: datetime
    ends_at: datetime


def local_day(market: Market, day: date) -> Span:
    """The instants of a market's local day: from its first instant to the next day's first instant.

    Where the clock skips midnight the day starts with the first time that exists; where midnight comes twice, with the
    first of the two (PEP 495: `fold=0` is the offset before the change in both cases).
    """
    return Span(_midnight(market, day), _midnight(market, day + timedelta(days=1)))


def local_month(market: Market, first: date) -> Span:
    """The instants of the market's local month that begins on this date."""
    return Span(_midnight(market, first), _midnight(market, last_date(first) + timedelta(days=1)))


def span(market: Market, partition: Partition) -> Span:
    """The instants of a partition of this market."""
    of = local_month if partition.grain is Grain.MONTH else local_day
    return of(market, partition.local_date)


def calendar_name(grain: Grain) -> str:
    """The relation that reports of this grain join."""
    return LOCAL_MONTH if grain is Grain.MONTH else LOCAL_DAY


def calendar_row(partition: Partition, within: Span) -> dict[str, Literal]:
    """The partition's row in its calendar relation."""
    row: dict[str, Literal] = {"market": partition.market, partition.grain.column: partition.local_date}
    if partition.grain is Grain.MONTH:
        row["last_date"] = last_date(partition.local_date)
    return {**row, "starts_at": within.starts_at, "ends_at": within.ends_at}


def local_date(market: Market, at: datetime) -> date:
    """The date on the market's calendars at this instant. Raises ValueError when `at` has no zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} is not an instant: it has no zone")
    return at.astimezone(market.zone).date()


def newest_over(market: Market, at: datetime, grain: Grain = Grain.DAY) -> Partition:
    """The market's newest day or month that is over at this instant. Raises ValueError when `at` has no zone."""
    today = local_date(market, at)
    begun = today if grain is Grain.DAY else today.replace(day=1)
    return Partition(market.code, period(begun - timedelta(days=1), grain), grain)


def reopened(market: Market, at: datetime, schedule: ReportSchedule, grain: Grain) -> tuple[Partition, ...]:
    """The market's days or months that ended at most `schedule.reopen` before this instant, oldest first."""
    found: list[Partition] = []
    each = newest_over(market, at, grain)
    while at - span(market, each).ends_at < schedule.reopen and each.local_date.isoformat() >= schedule.start_date:
        found.append(each)
        each = Partition(market.code, period(each.local_date - timedelta(days=1), grain), grain)
    return tuple(reversed(found))


def period(day: date, grain: Grain) -> date:
    """The first date of the day or month in which this day is."""
    return day if grain is Grain.DAY else day.replace(day=1)


def last_date(first: date) -> date:
    """The last date of the month that begins on this date."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def partitions(markets: Sequence[Market], first: date, last: date, grain: Grain = Grain.DAY) -> Iterator[Partition]:
    """Every market's every day, or month, with a date from first to last, both included; dates outermost."""
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    for begin in dict.fromkeys(period(day, grain) for day in days):
        for market in markets:
            yield Partition(market.code, begin, grain)


def _midnight(market: Market, day: date) -> datetime:
    return datetime.combine(day, time(), market.zone).astimezone(UTC)
