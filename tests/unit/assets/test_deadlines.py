"""Reports that are promised by a local time in every market."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from assets.deadlines import ON_TIME
from assets.naming import table_key
from assets.partitions import partition_key
from assets.sensors.deadlines import look
from headwater.batch import Partition
from headwater.deadline import overdue
from headwater.model import Grain, Market, ReportSchedule
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import DAILY, KOLKATA, MARKETS, NEW_YORK, SYDNEY, report

SCHEDULE = report(DAILY).schedule


def late(now: str, market: Market, *made: str, since: str | None = None) -> list[str]:
    assert SCHEDULE is not None
    found = overdue(
        SCHEDULE,
        [market],
        lambda part: part.local_date.isoformat() in made,
        datetime.fromisoformat(now),
        datetime.fromisoformat(since) if since else None,
    )
    return [str(each) for each in found]


@pytest.mark.parametrize(
    ("now", "market", "told"),
    [
        # 03:30 in Kolkata is 22:00 UTC of the day before.
        ("2026-11-19T21:59:59Z", KOLKATA, ["in 2026-11-18, due 2026-11-19 03:30 IST"]),
        ("2026-11-19T22:00:00Z", KOLKATA, ["in 2026-11-19, due 2026-11-20 03:30 IST"]),
        ("2026-11-20T08:30:00Z", NEW_YORK, ["us 2026-11-19, due 2026-11-20 03:30 EST"]),
        # Summer there: 03:30 is 16:30 UTC.
        ("2026-11-20T16:30:00Z", SYDNEY, ["au 2026-11-20, due 2026-11-21 03:30 AEDT"]),
    ],
)
def test_a_day_is_due_at_the_markets_own_local_time(now: str, market: Market, told: list[str]) -> None:
    assert late(now, market) == told


def test_a_day_that_was_made_is_not_overdue() -> None:
    assert late("2026-11-19T22:00:00Z", KOLKATA, "2026-11-19") == []
    assert late("2026-11-19T22:00:00Z", KOLKATA, "2026-11-18") != []


def test_deadlines_from_before_anyone_promised_do_not_count() -> None:
    assert late("2026-11-20T09:00:00Z", KOLKATA, since="2026-11-20T08:00:00Z") == []
    assert late("2026-11-20T22:00:00Z", KOLKATA, since="2026-11-20T08:00:00Z") != []


def test_nothing_is_due_before_the_first_day() -> None:
    assert late("2026-01-01T12:00:00Z", KOLKATA) == []
    assert late("2026-01-02T12:00:00Z", KOLKATA) == ["in 2026-01-01, due 2026-01-02 03:30 IST"]


@pytest.mark.parametrize(
    ("now", "market", "told"),
    [
        # The first of March in Kolkata, 03:30, is 22:00 UTC on the last of February.
        ("2026-02-28T21:59:59Z", KOLKATA, ["in 2026-01, due 2026-02-01 03:30 IST"]),
        ("2026-02-28T22:00:00Z", KOLKATA, ["in 2026-02, due 2026-03-01 03:30 IST"]),
        ("2026-04-20T08:30:00Z", NEW_YORK, ["us 2026-03, due 2026-04-01 03:30 EDT"]),
        ("2026-01-20T08:30:00Z", NEW_YORK, []),
    ],
)
def test_a_month_is_due_on_the_first_of_the_next(now: str, market: Market, told: list[str]) -> None:
    assert SCHEDULE is not None
    found = overdue(SCHEDULE, [market], lambda _part: False, datetime.fromisoformat(now), grain=Grain.MONTH)
    assert [str(each) for each in found] == told


def test_a_report_without_a_promise_is_never_overdue() -> None:
    assert SCHEDULE is not None
    free = ReportSchedule(SCHEDULE.at, SCHEDULE.start_date)
    assert list(overdue(free, MARKETS, lambda _part: False, datetime(2026, 11, 20, tzinfo=UTC))) == []


def told(
    platform: Platform, said: Mapping[str, str], hour: int
) -> tuple[list[tuple[bool, str | None]], dict[str, str]]:
    now = datetime(2026, 11, 20, hour, 31, tzinfo=UTC)
    events, kept = look(platform.instance, platform.warehouse, said, now)
    assert {event.check_name for event in events} <= {ON_TIME}
    return [(event.passed, event.description) for event in events if event.asset_key == table_key(DAILY)], kept


def test_the_sensor_tells_once_that_a_report_is_late_and_once_that_it_is_there(platform: Platform) -> None:
    events, said = told(platform, {}, 7)
    assert events == [(True, "every market's newest day is there")]
    events, said = told(platform, said, 8)
    assert events == [(False, "not made: us 2026-11-19, due 2026-11-20 03:30 EST")]
    events, said = told(platform, said, 8)
    assert events == []
    key = partition_key(Partition(NEW_YORK.code, date(2026, 11, 19)))
    platform.instance.report_runless_asset_event(dg.AssetMaterialization(table_key(DAILY), partition=key))
    events, said = told(platform, said, 8)
    assert events == [(True, "every market's newest day is there")]


def test_the_sensor_ticks(platform: Platform) -> None:
    sensor = platform.definitions().get_repository_def().get_sensor_def("deadlines")
    context = dg.build_sensor_context(instance=platform.instance, definitions=platform.definitions())
    assert len(sensor.evaluate_tick(context).asset_events) == 2
