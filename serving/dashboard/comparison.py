"""Which day today is compared with, and what that is in each market: by its own clocks, up to the same local time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from headwater.calendar import local_date, local_day
from headwater.model import Market
from headwater.sofar import DAYS, same_time
from serving.dashboard.frame import minute_of, utc_days


@dataclass(frozen=True, slots=True)
class Against:
    """Another day: so many days before today, or a date.

    Args:
        days_ago: Of each market's own today; 0 when a date is given.
        day: The same date in every market.
    """

    days_ago: int = 1
    day: date | None = None

    @classmethod
    def parse(cls, text: str, today: date) -> Self:
        """Read `7d` or `2026-11-15`. What is neither, or not a day of the past two years, is yesterday.

        Args:
            today: Somewhere on earth.
        """
        if text.endswith("d") and text[:-1].isdigit() and 1 <= int(text[:-1]) <= DAYS:
            return cls(int(text[:-1]))
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return cls(1)
        return cls(0, day) if timedelta(0) < today - day <= timedelta(days=DAYS) else cls(1)

    def __str__(self) -> str:
        return self.day.isoformat() if self.day else f"{self.days_ago}d"

    @property
    def words(self) -> str:
        """For people, as in «yesterday»."""
        if self.day:
            return f"{self.day:%A} {self.day.isoformat()}"
        if self.days_ago == 7:
            return "the same weekday last week"
        return "yesterday" if self.days_ago == 1 else f"{self.days_ago} days ago"

    def day_of(self, market: Market, at: datetime) -> date:
        """The local date that is meant when the market's clocks show this instant's date."""
        return self.day or local_date(market, at) - timedelta(days=self.days_ago)


YESTERDAY = Against(1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Of each market a span of minutes since 1970, in the markets' order: from its start to before its end."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]


def today_so_far(markets: Sequence[Market], now: datetime) -> Spans:
    """Each market's local day up to now. `now` is a whole minute."""
    starts = tuple(minute_of(local_day(market, local_date(market, now)).starts_at) for market in markets)
    return Spans(starts, (minute_of(now),) * len(markets))


def other_so_far(markets: Sequence[Market], now: datetime, against: Against) -> Spans:
    """The other day of each market, as far as its clocks then showed what they show now."""
    days = [against.day_of(market, now) for market in markets]
    starts = (minute_of(local_day(market, day).starts_at) for market, day in zip(markets, days, strict=True))
    ends = (minute_of(same_time(market, day, now)) for market, day in zip(markets, days, strict=True))
    return Spans(tuple(starts), tuple(ends))


def other_edges(market: Market, edges: Sequence[int], now: datetime, against: Against) -> tuple[int, ...]:
    """For minutes of the last day or so, the minutes of the other day at which the clocks showed the same.

    Args:
        edges: Minutes since 1970, ascending, none behind `now`.
    """
    ago = local_date(market, now) - against.day_of(market, now)
    if _keeps_its_offset(market, _instant(edges[0]), _instant(edges[-1]), ago):
        shift = int(ago.total_seconds() // 60)
        return tuple(edge - shift for edge in edges)
    return tuple(_other_minute(market, edge, ago) for edge in edges)


def _keeps_its_offset(market: Market, first: datetime, last: datetime, ago: timedelta) -> bool:
    """No clock is changed between these two, nor on the other day, and both days have the same offset."""
    margin = timedelta(hours=3)
    moments = (first, last, first - ago - margin, last - ago + margin)
    return len({at.astimezone(market.zone).utcoffset() for at in moments}) == 1


def _other_minute(market: Market, minute: int, ago: timedelta) -> int:
    at = _instant(minute)
    return minute_of(same_time(market, local_date(market, at) - ago, at))


def _instant(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def days_needed(markets: Sequence[Market], now: datetime, against: Against) -> tuple[date, ...]:
    """The UTC days of which a page that compares with this day shows minutes."""
    needed: set[date] = set(utc_days(now - timedelta(days=1), now))
    for market in markets:
        today = local_date(market, now)
        other = against.day_of(market, now)
        needed.update(utc_days(local_day(market, today).starts_at, now + timedelta(minutes=1)))
        # The chart goes back a day from now, and so does the other day's line.
        begin = local_day(market, other - timedelta(days=1)).starts_at
        needed.update(utc_days(begin, local_day(market, other).ends_at))
    return tuple(sorted(needed))
