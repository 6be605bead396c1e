"""Demand follows each market's own local day."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model import Market
from headwater.problem import HeadwaterError
from simulator.demand import Quota, Rate, intensity, rhythm
from simulator.instant import MINUTE, from_datetime, iso, local_day, to_datetime, utc_day
from simulator.markets import trades
from simulator.replay import ReplaySpan, imagine


def test_lunch_and_evening_are_peaks_and_the_night_is_low() -> None:
    at = {hour: rhythm(datetime(2026, 11, 19, hour, 30)) for hour in range(24)}
    assert max(at, key=lambda hour: at[hour]) == 18
    assert at[12] > at[10]
    assert at[12] > at[15]
    assert at[3] < at[18] / 10


def test_each_market_peaks_in_its_own_evening(markets: tuple[Market, ...]) -> None:
    day = range(
        from_datetime(datetime(2026, 11, 19, tzinfo=UTC)) // MINUTE,
        from_datetime(datetime(2026, 11, 20, tzinfo=UTC)) // MINUTE,
    )
    for trade in trades(markets):
        peak = max(day, key=lambda minute: intensity(trade, minute))
        assert to_datetime(peak * MINUTE).astimezone(trade.market.zone).hour == 18


@given(total=st.integers(0, 5_000), minutes=st.integers(1, 200))
def test_a_quota_is_shared_out_to_the_last_order(markets: tuple[Market, ...], total: int, minutes: int) -> None:
    quota = Quota.share_out(trades(markets), range(29_700_000, 29_700_000 + minutes), total)
    assert sum(quota.of.values()) == total
    assert min(quota.of.values()) >= 0


def test_a_rate_gives_about_as_many_orders_as_asked_at_the_peak(markets: tuple[Market, ...]) -> None:
    only = trades(markets[:1])
    rate = Rate(only, orders_per_second=5, seed=1)
    evening = from_datetime(datetime(2026, 11, 19, 10, 40, tzinfo=UTC)) // MINUTE  # 18:40 in Hong Kong
    placed = sum(rate.orders(only[0], minute) for minute in range(evening, evening + 10))
    assert placed == pytest.approx(5 * 60 * 10, rel=0.15)
    assert placed == sum(rate.orders(only[0], minute) for minute in range(evening, evening + 10))


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Asia/Kolkata", "2026-11-22T18:29:59.999Z", "2026-11-22"),
        ("Asia/Kolkata", "2026-11-22T18:30:00.000Z", "2026-11-23"),
        ("America/New_York", "2026-11-01T03:59:59.999Z", "2026-10-31"),
        ("America/New_York", "2026-11-01T04:00:00.000Z", "2026-11-01"),
        ("America/New_York", "2026-11-02T04:59:59.999Z", "2026-11-01"),  # the day of 25 hours
        ("America/New_York", "2026-11-02T05:00:00.000Z", "2026-11-02"),
        ("Australia/Sydney", "2026-10-03T13:59:59.999Z", "2026-10-03"),
        ("Australia/Sydney", "2026-10-04T12:59:59.999Z", "2026-10-04"),  # the day of 23 hours
        ("Australia/Sydney", "2026-10-04T13:00:00.000Z", "2026-10-05"),
    ],
)
def test_local_days_follow_the_zone(zone: str, moment: str, day: str) -> None:
    instant = from_datetime(datetime.fromisoformat(moment))
    assert iso(instant) == moment
    assert local_day(instant, ZoneInfo(zone)) == day
    assert utc_day(instant) == moment[:10]


def test_a_day_of_25_hours_is_one_local_date(markets: tuple[Market, ...]) -> None:
    start = datetime(2026, 11, 1, 4, tzinfo=UTC)
    _, truth = imagine(markets[1:2], ReplaySpan(start, 26 * 60, 2_600))
    by_day = Counter()
    for row in truth.daily_orders:
        by_day[row["local_date"]] += row["created"]
    after = sum(row["created_at"] >= "2026-11-02T05" for row in truth.orders)
    assert by_day == {"2026-11-01": 2_600 - after, "2026-11-02": after}
    assert after > 0
    assert datetime.fromisoformat(truth.orders[-1]["created_at"]) > start + timedelta(hours=25)


def test_a_half_hour_zone_parts_its_days_at_half_past(markets: tuple[Market, ...]) -> None:
    _, truth = imagine(markets[2:3], ReplaySpan(datetime(2026, 11, 22, 18, tzinfo=UTC), 60, 1_000))
    before = sum(row["created_at"] < "2026-11-22T18:30" for row in truth.orders)
    by_day = Counter()
    for row in truth.daily_orders:
        by_day[row["local_date"]] += row["created"]
    assert by_day == {"2026-11-22": before, "2026-11-23": 1_000 - before}


def test_a_start_between_minutes_is_refused(markets: tuple[Market, ...]) -> None:
    with pytest.raises(HeadwaterError, match="whole minute"):
        imagine(markets, ReplaySpan(datetime(2026, 11, 22, 3, 0, 7, tzinfo=UTC), 1, 1))


def test_a_start_without_a_zone_is_refused(markets: tuple[Market, ...]) -> None:
    with pytest.raises(HeadwaterError, match="needs a zone"):
        imagine(markets, ReplaySpan(datetime(2026, 11, 22, 3), 1, 1))
