"""Which reports are overdue: promised for every market by a local time, and not made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from headwater.batch import Partition
from headwater.calendar import period
from headwater.model import Grain, Market, ReportSchedule


@dataclass(frozen=True, slots=True)
class Overdue:
    """A partition that should be there.

    Args:
        partition: The market and its local date or month.
        due: When it was due, in the market's zone.
    """

    partition: Partition
    due: datetime

    def __str__(self) -> str:
        return f"{self.partition.market} {self.partition.period}, due {self.due:%Y-%m-%d %H:%M %Z}"


def overdue(
    schedule: ReportSchedule,
    markets: Sequence[Market],
    made: Callable[[Partition], bool],
    now: datetime,
    since: datetime | None = None,
    grain: Grain = Grain.DAY,
) -> Iterator[Overdue]:
    """Of each market the newest partition that was due by now, if it has not been made.

    Args:
        schedule: Of the report.
        markets: All of them.
        made: Whether a partition is there.
        now: The moment, UTC.
        since: Deadlines before this instant do not count: nobody had promised anything then.
        grain: How long the report's partitions are; a month is due on the first of the next.
    """
    for market in markets:
        newest = _newest_due(schedule, grain, market, now)
        if newest is None or (since is not None and newest.due < since) or made(newest.partition):
            continue
        yield newest


def _newest_due(schedule: ReportSchedule, grain: Grain, market: Market, now: datetime) -> Overdue | None:
    """A local time that the clock skips is the instant after; of one that comes twice, the first (PEP 495)."""
    if schedule.by is None:
        return None
    begun = period(now.astimezone(market.zone).date(), grain)
    for first in (begun, period(begun - timedelta(days=1), grain)):
        due = datetime.combine(first, schedule.by, market.zone).astimezone(UTC).astimezone(market.zone)
        if due <= now:
            reported = period(first - timedelta(days=1), grain)
            is_before = reported < date.fromisoformat(schedule.start_date)
            return None if is_before else Overdue(Partition(market.code, reported, grain), due)
    return None
