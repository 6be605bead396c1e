"""Which report partitions are computed when."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from itertools import islice
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from assets.naming import table_key
from assets.partitions import eastmost, partition_key, partition_of, report_partitions, westmost
from assets.schedules import schedule_name
from headwater.batch import Partition
from headwater.model import Market
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import (
    CLICKS,
    DAILY,
    KOLKATA,
    MARKETS,
    MEXICO,
    NEW_YORK,
    SYDNEY,
    VISITS,
    WEEKLY,
    report,
    source,
    streaming,
    warehouse,
)


def schedule(platform: Platform, market: Market, at: time = time(1, 30)) -> dg.ScheduleDefinition:
    return platform.definitions().resolve_schedule_def(schedule_name(market, at))


def ticks(platform: Platform, market: Market, since: datetime, count: int, at: time = time(1, 30)) -> list[datetime]:
    """The schedule's next ticks, by the iterator that Dagster's daemon takes."""
    found = schedule(platform, market, at)
    iterator = schedule_execution_time_iterator(since.timestamp(), found.cron_schedule, found.execution_timezone)
    return [tick.astimezone(UTC) for tick in islice(iterator, count)]


def requests(
    platform: Platform, market: Market, tick: datetime, at: time = time(1, 30), part: int = 0
) -> list[dg.RunRequest]:
    definitions = platform.definitions()
    context = dg.build_schedule_context(
        instance=platform.instance, scheduled_execution_time=tick, repository_def=definitions.get_repository_def()
    )
    found = definitions.resolve_schedule_def(schedule_name(market, at, part))
    return list(found.evaluate_tick(context).run_requests or [])


def partitions_asked(platform: Platform, market: Market, since: datetime, count: int) -> list[str | None]:
    return [
        request.partition_key
        for tick in ticks(platform, market, since, count)
        for request in requests(platform, market, tick)
    ]


def test_every_market_has_a_schedule_in_its_own_zone(platform: Platform) -> None:
    found = {
        s.name: (s.cron_schedule, s.execution_timezone)
        for s in platform.definitions().get_repository_def().schedule_defs
        if s.name.startswith("reports_")
    }
    assert found == {schedule_name(m, time(1, 30)): ("30 1 * * *", m.zone.key) for m in MARKETS}


def test_schedules_run_by_default(platform: Platform) -> None:
    assert {s.default_status for s in platform.definitions().get_repository_def().schedule_defs} == {
        dg.DefaultScheduleStatus.RUNNING
    }


def test_a_half_hour_zone_ticks_at_its_own_half_past(platform: Platform) -> None:
    # 01:30 in Kolkata is 20:00 UTC of the day before; a tick at 20:30 is dagster-io/dagster#33448.
    assert ticks(platform, KOLKATA, datetime(2026, 11, 20, 12, tzinfo=UTC), 2) == [
        datetime(2026, 11, 20, 20, 0, tzinfo=UTC),
        datetime(2026, 11, 21, 20, 0, tzinfo=UTC),
    ]


def test_the_partition_is_the_local_day_before(platform: Platform) -> None:
    # In UTC it is still the 20th; in Kolkata the 21st has begun, so the 20th is what is over.
    (request,) = requests(platform, KOLKATA, datetime(2026, 11, 20, 20, 0, tzinfo=UTC))
    assert request.partition_key == dg.MultiPartitionKey({"date": "2026-11-20", "market": "in"})
    assert set(request.asset_selection or ()) == {table_key(DAILY), table_key(WEEKLY)}


@pytest.mark.parametrize(
    ("market", "since", "utc_hours"),
    [
        (NEW_YORK, datetime(2026, 3, 7, 0, tzinfo=UTC), [(6, 30), (6, 30), (5, 30)]),  # forward on 8 March at 02:00
        (
            SYDNEY,
            datetime(2026, 10, 1, 20, tzinfo=UTC),
            [(15, 30), (15, 30), (14, 30)],
        ),  # forward on 4 October at 02:00
        (SYDNEY, datetime(2026, 4, 2, 20, tzinfo=UTC), [(14, 30), (14, 30), (15, 30)]),  # back on 5 April at 03:00
    ],
)
def test_ticks_follow_daylight_saving(
    platform: Platform, market: Market, since: datetime, utc_hours: list[tuple[int, int]]
) -> None:
    found = ticks(platform, market, since, 3)
    assert [(tick.hour, tick.minute) for tick in found] == utc_hours


def test_no_day_is_left_out_or_asked_for_twice_when_the_clock_goes_forward(platform: Platform) -> None:
    asked = partitions_asked(platform, NEW_YORK, datetime(2026, 3, 7, 0, tzinfo=UTC), 3)
    assert asked == ["2026-03-06|us", "2026-03-07|us", "2026-03-08|us"]


def test_a_local_time_that_comes_twice_asks_for_one_run(platform: Platform) -> None:
    # New York, 1 November: 01:30 is at 05:30 UTC and again at 06:30 UTC.
    first, second = (requests(platform, NEW_YORK, datetime(2026, 11, 1, hour, 30, tzinfo=UTC))[0] for hour in (5, 6))
    assert first.partition_key == second.partition_key == "2026-10-31|us"
    assert first.run_key == second.run_key
    following = ticks(platform, NEW_YORK, datetime(2026, 11, 1, 7, tzinfo=UTC), 1)
    assert following == [datetime(2026, 11, 2, 6, 30, tzinfo=UTC)]


def test_a_local_time_that_is_skipped_still_computes_its_day(platform: Platform) -> None:
    platform.warehouse = warehouse(
        source(CLICKS), streaming(VISITS, CLICKS), report(DAILY, VISITS, at=time(2, 30)), markets=(NEW_YORK,)
    )
    at = time(2, 30)
    found = ticks(platform, NEW_YORK, datetime(2026, 3, 8, 0, tzinfo=UTC), 2, at)
    asked = [request.partition_key for tick in found for request in requests(platform, NEW_YORK, tick, at)]
    assert asked == ["2026-03-07|us", "2026-03-08|us"]


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.code)
@pytest.mark.parametrize("day", [datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)])
def test_the_partition_exists_when_its_market_asks_for_it(platform: Platform, market: Market, day: datetime) -> None:
    (tick,) = ticks(platform, market, day, 1)
    (request,) = requests(platform, market, tick)
    keys = report_partitions(MARKETS, "2026-01-01").get_partition_keys(current_time=tick)
    assert request.partition_key in keys


def test_reports_at_different_times_have_schedules_of_their_own(platform: Platform) -> None:
    platform.warehouse = warehouse(
        source(CLICKS),
        streaming(VISITS, CLICKS),
        report(DAILY, VISITS),
        report(WEEKLY, VISITS, at=time(4, 0)),
        markets=(NEW_YORK,),
    )
    definitions = platform.definitions()
    dg.Definitions.validate_loadable(definitions)
    found = sorted(s.name for s in definitions.schedules or () if s.name.startswith("reports_"))
    assert found == ["reports_us_at_0130", "reports_us_at_0400"]


def test_reports_that_begin_on_different_days_are_asked_for_apart(platform: Platform) -> None:
    platform.warehouse = warehouse(
        source(CLICKS),
        streaming(VISITS, CLICKS),
        report(DAILY, VISITS),
        report(WEEKLY, VISITS, start_date="2026-06-01"),
        markets=(NEW_YORK,),
    )
    dg.Definitions.validate_loadable(platform.definitions())
    before, after = datetime(2026, 2, 2, 6, 30, tzinfo=UTC), datetime(2026, 8, 2, 5, 30, tzinfo=UTC)
    (early,) = requests(platform, NEW_YORK, before)
    assert early.asset_selection == [table_key(DAILY)]
    assert requests(platform, NEW_YORK, before, part=1) == []
    (late,) = requests(platform, NEW_YORK, after, part=1)
    assert late.asset_selection == [table_key(WEEKLY)]


def test_the_date_dimension_is_in_the_eastmost_zone() -> None:
    assert eastmost(MARKETS).key == "Australia/Sydney"
    assert westmost(MARKETS).key == "America/Mexico_City"
    assert eastmost((NEW_YORK, MEXICO)).key == "America/New_York"


def test_of_two_zones_with_one_summer_offset_the_one_without_winter_is_east() -> None:
    magadan = Market("ru", "Magadan", ZoneInfo("Asia/Magadan"))
    assert eastmost((SYDNEY, magadan)).key == "Asia/Magadan"


def test_a_partition_survives_the_way_through_its_key() -> None:
    partition = Partition("hk", date(2026, 11, 16))
    assert str(partition_key(partition)) == "2026-11-16|hk"
    assert partition_of(partition_key(partition)) == partition


def test_market_order_does_not_change_the_partitions() -> None:
    moved = (replace(MARKETS[0]), *reversed(MARKETS[1:]))
    assert eastmost(moved) == eastmost(MARKETS)
