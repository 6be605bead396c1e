from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from headwater.batch import Partition
from headwater.calendar import local_date, local_day, local_month, newest_over, partitions, reopened, span
from headwater.model import Grain, Market, ReportSchedule


def market(zone: str) -> Market:
    return Market("m", "M", ZoneInfo(zone))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "starts", "hours"),
    [
        ("Asia/Hong_Kong", date(2026, 11, 22), utc(2026, 11, 21, 16), 24),
        ("Asia/Kolkata", date(2026, 11, 22), utc(2026, 11, 21, 18, 30), 24),
        ("America/New_York", date(2026, 3, 8), utc(2026, 3, 8, 5), 23),
        ("America/New_York", date(2026, 11, 1), utc(2026, 11, 1, 4), 25),
        ("Australia/Sydney", date(2026, 10, 4), utc(2026, 10, 3, 14), 23),
        ("Australia/Sydney", date(2026, 4, 5), utc(2026, 4, 4, 13), 25),
        ("America/Sao_Paulo", date(2026, 11, 22), utc(2026, 11, 22, 3), 24),
    ],
)
def test_a_day_lasts_as_long_as_its_zone_makes_it(zone: str, day: date, starts: datetime, hours: int) -> None:
    span = local_day(market(zone), day)
    assert span.starts_at == starts
    assert span.ends_at - span.starts_at == timedelta(hours=hours)
    assert span.starts_at.tzinfo is UTC


def test_a_day_whose_midnight_the_clock_skips_starts_at_its_first_instant() -> None:
    # Brazil put its clocks forward at midnight: 2018-11-04 began at 01:00 local, which is 03:00 UTC.
    span = local_day(market("America/Sao_Paulo"), date(2018, 11, 4))
    assert span.starts_at == utc(2018, 11, 4, 3)
    assert span.starts_at.astimezone(ZoneInfo("America/Sao_Paulo")).hour == 1


def test_a_day_with_two_midnights_starts_at_the_first() -> None:
    # Cuba puts its clocks back from 01:00 to 00:00.
    span = local_day(market("America/Havana"), date(2026, 11, 1))
    assert span.starts_at == utc(2026, 11, 1, 4)
    assert span.ends_at - span.starts_at == timedelta(hours=25)


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Sydney", "Asia/Kolkata", "America/Sao_Paulo"])
def test_days_follow_each_other_without_gap_or_overlap(zone: str) -> None:
    first = date(2026, 1, 1)
    spans = [local_day(market(zone), first + timedelta(days=offset)) for offset in range(365)]
    assert all(one.ends_at == other.starts_at for one, other in pairwise(spans))


def test_yesterday_is_the_markets_own() -> None:
    at = utc(2026, 11, 22, 17)
    assert newest_over(market("Asia/Hong_Kong"), at) == Partition("m", date(2026, 11, 22))
    assert newest_over(market("America/New_York"), at) == Partition("m", date(2026, 11, 21))
    assert local_date(market("Asia/Hong_Kong"), at) == date(2026, 11, 23)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        newest_over(market("Asia/Hong_Kong"), datetime(2026, 11, 22))


def test_partitions_go_through_the_dates_and_within_a_date_through_the_markets() -> None:
    zones = [Market(code, code, ZoneInfo("UTC")) for code in ("hk", "tw")]
    found = [str(part) for part in partitions(zones, date(2026, 11, 30), date(2026, 12, 1))]
    assert found == ["hk/2026-11-30", "tw/2026-11-30", "hk/2026-12-01", "tw/2026-12-01"]
    assert list(partitions(zones, date(2026, 12, 2), date(2026, 12, 1))) == []
    assert Partition("hk", date(2026, 11, 30)) in list(partitions(zones, date(2026, 11, 30), date(2026, 11, 30)))


def test_a_month_ends_where_the_next_begins() -> None:
    new_york = market("America/New_York")
    february, march = (Partition("m", date(2026, month, 1), Grain.MONTH) for month in (2, 3))
    assert span(new_york, march) == local_month(new_york, date(2026, 3, 1)) == (utc(2026, 3, 1, 5), utc(2026, 4, 1, 4))
    assert span(new_york, february).ends_at == span(new_york, march).starts_at
    assert newest_over(new_york, utc(2026, 4, 1, 4), Grain.MONTH) == march
    assert newest_over(new_york, utc(2026, 4, 1, 3, 59), Grain.MONTH) == february


def test_months_are_those_with_a_date_in_between() -> None:
    found = partitions([market("UTC")], date(2025, 12, 31), date(2026, 2, 1), Grain.MONTH)
    assert [str(part) for part in found] == ["m/2025-12", "m/2026-01", "m/2026-02"]


def test_days_are_reopened_for_so_long_after_their_end() -> None:
    schedule = ReportSchedule(time(1, 30), "2026-10-30", reopen=timedelta(days=3))
    new_york = market("America/New_York")
    # 1 November has 25 hours and ends at 05:00; three days after that it is left alone.
    found = [str(part) for part in reopened(new_york, utc(2026, 11, 5, 4, 59), schedule, Grain.DAY)]
    assert found == ["m/2026-11-01", "m/2026-11-02", "m/2026-11-03"]
    found = [str(part) for part in reopened(new_york, utc(2026, 11, 5, 5), schedule, Grain.DAY)]
    assert found == ["m/2026-11-02", "m/2026-11-03", "m/2026-11-04"]
    assert [str(part) for part in reopened(new_york, utc(2026, 10, 31, 5), schedule, Grain.DAY)] == ["m/2026-10-30"]
    assert reopened(new_york, utc(2026, 11, 5), replace(schedule, reopen=timedelta()), Grain.DAY) == ()
