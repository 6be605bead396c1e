"""Which report partitions are computed when."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from assets.naming import table_key
from assets.partitions import eastmost, partition_key, partition_of, report_partitions, westmost
from assets.reports import WHY
from assets.schedules import schedule_name
from headwater.batch import Partition
from headwater.model import Grain, Market, Model, TableName
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
    monthly,
    report,
    source,
    streaming,
    warehouse,
)

MONTHLY = TableName.parse("rpt.monthly_hits")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def schedule(platform: Platform, market: Market, at: time = time(1, 30)) -> dg.ScheduleDefinition:
    return platform.definitions().resolve_schedule_def(schedule_name(market, at))


def ticks(platform: Platform, market: Market, since: datetime, count: int, at: time = time(1, 30)) -> list[datetime]:
    """The schedule's next ticks, by the iterator that Dagster's daemon takes."""
    found = schedule(platform, market, at)
    iterator = schedule_execution_time_iterator(since.timestamp(), found.cron_schedule, found.execution_timezone)
    return [tick.astimezone(UTC) for tick in islice(iterator, count)]


def requests(
    platform: Platform,
    market: Market,
    tick: datetime,
    at: time = time(1, 30),
    part: int = 0,
    grain: Grain = Grain.DAY,
) -> list[dg.RunRequest]:
    definitions = platform.definitions()
    context = dg.build_schedule_context(
        instance=platform.instance, scheduled_execution_time=tick, repository_def=definitions.get_repository_def()
    )
    found = definitions.resolve_schedule_def(schedule_name(market, at, part, grain))
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


def reopening(platform: Platform, *models: Model) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS), *models, markets=(NEW_YORK,))


def test_the_days_that_may_still_change_are_looked_at_again_after_the_newest(platform: Platform) -> None:
    reopening(platform, report(DAILY, VISITS, reopen=timedelta(days=3)), report(WEEKLY, VISITS))
    newest, again = requests(platform, NEW_YORK, datetime(2026, 3, 10, 5, 30, tzinfo=UTC))
    assert (newest.partition_key, newest.tags[WHY]) == ("2026-03-09|us", "schedule")
    assert newest.asset_selection == [table_key(DAILY), table_key(WEEKLY)]
    # The 8th has 23 hours there; the 6th ended three days and half an hour before.
    assert (again.tags[RANGE_START], again.tags[RANGE_END]) == ("2026-03-07|us", "2026-03-08|us")
    assert (again.partition_key, again.tags[WHY]) == (None, "late data")
    assert again.asset_selection == [table_key(DAILY)]
    assert again.run_key != newest.run_key


def test_reports_that_reopen_for_different_times_are_looked_at_apart(platform: Platform) -> None:
    reopening(
        platform,
        report(DAILY, VISITS, reopen=timedelta(days=2)),
        report(WEEKLY, VISITS, reopen=timedelta(days=5)),
    )
    _, short, long = requests(platform, NEW_YORK, datetime(2026, 2, 10, 6, 30, tzinfo=UTC))
    assert (short.partition_key, short.asset_selection) == ("2026-02-08|us", [table_key(DAILY)])
    assert (long.tags[RANGE_START], long.asset_selection) == ("2026-02-05|us", [table_key(WEEKLY)])
    assert short.run_key != long.run_key


def test_days_before_the_first_are_not_looked_at(platform: Platform) -> None:
    reopening(platform, report(DAILY, VISITS, reopen=timedelta(days=9)))
    _, again = requests(platform, NEW_YORK, datetime(2026, 1, 4, 6, 30, tzinfo=UTC))
    assert (again.tags[RANGE_START], again.tags[RANGE_END]) == ("2026-01-01|us", "2026-01-02|us")
    (only,) = requests(platform, NEW_YORK, datetime(2026, 1, 2, 6, 30, tzinfo=UTC))
    assert only.partition_key == "2026-01-01|us"


def test_a_month_is_made_on_the_first_and_looked_at_every_night_as_long_as_it_may_change(platform: Platform) -> None:
    reopening(platform, report(DAILY, VISITS), monthly(MONTHLY, DAILY, reopen=timedelta(days=3)))
    name = schedule_name(NEW_YORK, time(3, 0), grain=Grain.MONTH)
    schedule_ = platform.definitions().resolve_schedule_def(name)
    assert (schedule_.cron_schedule, schedule_.execution_timezone) == ("0 3 * * *", "America/New_York")

    def asked(day: int) -> list[tuple[str | None, str]]:
        found = requests(platform, NEW_YORK, datetime(2026, 3, day, 8, tzinfo=UTC), time(3, 0), grain=Grain.MONTH)
        return [(request.partition_key, request.tags[WHY]) for request in found]

    assert asked(1) == [("2026-02|us", "schedule")]
    assert asked(2) == asked(3) == [("2026-02|us", "late data")]
    assert asked(4) == []


def test_a_month_that_is_not_reopened_is_asked_for_once(platform: Platform) -> None:
    reopening(platform, report(DAILY, VISITS), monthly(MONTHLY, DAILY))
    name = schedule_name(NEW_YORK, time(3, 0), grain=Grain.MONTH)
    assert platform.definitions().resolve_schedule_def(name).cron_schedule == "0 3 1 * *"
