"""The reference reports over days that clocks are put forward and back in, against counting minute by minute."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headwater.batch import Partition
from headwater.calendar import last_date
from headwater.loader import load
from headwater.model import Grain, Market, Model, TableName, Warehouse
from headwater.stack import Stack
from resources.editions import Contents
from resources.paimon.reader import scan
from resources.report import run_report
from tests.unit.batch.daily import Write

MINUTE = timedelta(minutes=1)
KPI, STATUS, ORDERS = "dm.kpi_minute", "dwd.driver_status", "dwd.orders"
DAILY, DRIVERS, MONTH = (TableName.parse(f"rpt.{name}") for name in ("daily_orders", "driver_day", "market_month"))


@pytest.fixture(scope="module")
def declared() -> Warehouse:
    return load(Path(__file__).parents[3] / "warehouse")


def columns(declared: Warehouse, name: str) -> dict[str, str]:
    return {column.name: str(column.type) for column in declared.model(TableName.parse(name)).columns}


def rows_of(declared: Warehouse, name: str, rows: Sequence[Mapping[str, Any]]) -> list[tuple]:
    return [tuple(row.get(column) for column in columns(declared, name)) for row in rows]


def made(stack: Stack, model: Model, *partitions: Partition, market: Market) -> list[dict[str, Any]]:
    result = run_report(stack, model, partitions, markets=[market])
    assert result.snapshot_id is not None
    rows = scan(stack.lake, model.name, result.snapshot_id).read_all()
    return [row for part in partitions for row in Contents(model.grain, rows).rows(part)]


# By hand, from the tz database: how many minutes the day has, and when it begins in UTC.
DAYS = [
    ("America/Sao_Paulo", date(2018, 11, 4), 23 * 60, "2018-11-04T03:00Z"),  # 00:00 becomes 01:00
    ("America/Sao_Paulo", date(2018, 2, 17), 25 * 60, "2018-02-17T02:00Z"),  # 24:00 becomes 23:00
    ("America/Sao_Paulo", date(2019, 11, 3), 24 * 60, "2019-11-03T03:00Z"),  # no summer time since 2019
    ("America/Mexico_City", date(2022, 4, 3), 23 * 60, "2022-04-03T06:00Z"),
    ("America/Mexico_City", date(2022, 10, 30), 25 * 60, "2022-10-30T05:00Z"),
    ("America/Mexico_City", date(2023, 4, 2), 24 * 60, "2023-04-02T06:00Z"),  # no summer time since 2022
    ("Europe/Istanbul", date(2015, 11, 8), 25 * 60, "2015-11-07T21:00Z"),  # two weeks later than planned
    ("Europe/Istanbul", date(2016, 3, 27), 23 * 60, "2016-03-26T22:00Z"),
    ("Europe/Istanbul", date(2016, 10, 30), 24 * 60, "2016-10-29T21:00Z"),  # summer time ever since
    ("America/New_York", date(2026, 3, 8), 23 * 60, "2026-03-08T05:00Z"),
    ("America/New_York", date(2026, 11, 1), 25 * 60, "2026-11-01T04:00Z"),
    ("Asia/Kolkata", date(2026, 11, 1), 24 * 60, "2026-10-31T18:30Z"),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24 * 60 + 30, "2026-04-04T13:00Z"),  # by half an hour
    ("Australia/Lord_Howe", date(2026, 10, 4), 24 * 60 - 30, "2026-10-03T13:30Z"),
    ("Asia/Kathmandu", date(2026, 11, 1), 24 * 60, "2026-10-31T18:15Z"),
]
SOME = [DAYS[index] for index in (0, 1, 4, 6, 10, 13)]


def name_of(value: Any) -> str:
    return str(value)


def minutes_around(day: date, zone: ZoneInfo) -> list[tuple[datetime, date]]:
    """Every minute of the day and of half a day and more on both sides, with its date on the market's calendars."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=36)
    instants = (first + number * MINUTE for number in range(96 * 60))
    return [(instant, instant.astimezone(zone).date()) for instant in instants]


@pytest.mark.parametrize(("zone", "day", "minutes", "begins"), DAYS, ids=name_of)
def test_a_day_has_exactly_its_own_minutes(
    stack: Stack, write: Write, declared: Warehouse, zone: str, day: date, minutes: int, begins: str
) -> None:
    market = Market("xx", "", ZoneInfo(zone))
    around = minutes_around(day, market.zone)
    rows = [
        {
            "minute_day": instant.date(),
            "market": "xx",
            "minute_at": instant,
            "price_category": "saver",
            "vehicle_type": "car",
            "created": 1,
            "matched": number,
            "completed": 0,
            "cancelled": 0,
            "revenue": Decimal(number) / 100,
            "waiting_seconds": 0,
        }
        for number, (instant, _) in enumerate(around)
    ]
    write(KPI, columns(declared, KPI), rows_of(declared, KPI, rows))
    found = made(
        stack, declared.model(DAILY), *(Partition("xx", day + timedelta(days=days)) for days in (0, 1)), market=market
    )
    for days, row in enumerate(found):
        date_ = day + timedelta(days=days)
        mine = [number for number, (_, its) in enumerate(around) if its == date_]
        assert (row["local_date"], row["created"]) == (date_, len(mine))
        assert (row["matched"], row["revenue"]) == (sum(mine), Decimal(sum(mine)) / 100)
    assert found[0]["created"] == minutes
    assert next(instant for instant, its in around if its == day) == datetime.fromisoformat(begins)


@pytest.mark.parametrize(("zone", "day", "minutes", "begins"), SOME, ids=name_of)
def test_a_driver_is_online_for_as_many_minutes_as_one_counts(
    stack: Stack, write: Write, declared: Warehouse, zone: str, day: date, minutes: int, begins: str
) -> None:
    market, random = Market("xx", "", ZoneInfo(zone)), Random(f"{zone}/{day}")
    around = minutes_around(day, market.zone)
    events = [
        {
            "market": "xx",
            "event_day": instant.date(),
            "event_id": number,
            "driver_id": driver,
            "status": random.choice(["online", "busy", "offline"]),
            "occurred_at": instant,
        }
        for driver in (1, 2, 3)
        # The third driver's phone is silent for longer than four hours at a time.
        for number, (instant, _) in enumerate(sorted(random.sample(around, 60 if driver < 3 else 12)), driver * 1000)
    ]
    orders = [
        {
            "market": "xx",
            "order_day": (instant - timedelta(hours=1)).date(),
            "order_id": number,
            "driver_id": number % 4,
            "completed_at": instant,
            "price": Decimal(number) / 4 if number % 5 else None,
        }
        for number, (instant, _) in enumerate(random.sample(around, 200))
    ]
    write(STATUS, columns(declared, STATUS), rows_of(declared, STATUS, events))
    write(ORDERS, columns(declared, ORDERS), rows_of(declared, ORDERS, orders))
    found = {row["driver_id"]: row for row in made(stack, declared.model(DRIVERS), Partition("xx", day), market=market)}
    online, busy = counted(events, around, day)
    assert {driver: row["online_seconds"] for driver, row in found.items() if row["online_seconds"]} == online
    assert {driver: row["busy_seconds"] for driver, row in found.items() if row["busy_seconds"]} == busy
    mine = [order for order in orders if order["completed_at"].astimezone(market.zone).date() == day]
    assert {driver: row["trips"] for driver, row in found.items() if row["trips"]} == Counter(
        order["driver_id"] for order in mine
    )
    assert sum(row["revenue"] for row in found.values()) == sum(order["price"] or 0 for order in mine)


def counted(
    events: Sequence[Mapping[str, Any]], around: Sequence[tuple[datetime, date]], day: date
) -> tuple[dict[int, int], dict[int, int]]:
    """Seconds that each driver is online, and busy, on that day: minute by minute, by the newest status then."""
    online: Counter[int] = Counter()
    busy: Counter[int] = Counter()
    for driver in {event["driver_id"] for event in events}:
        said = sorted(
            (event["occurred_at"], event["event_id"], event["status"])
            for event in events
            if event["driver_id"] == driver
        )
        for instant in (instant for instant, its in around if its == day):
            before = [each for each in said if each[0] <= instant]
            if before and instant - before[-1][0] < timedelta(hours=4):
                online[driver] += 60 * (before[-1][2] != "offline")
                busy[driver] += 60 * (before[-1][2] == "busy")
    return {k: v for k, v in online.items() if v}, {k: v for k, v in busy.items() if v}


def test_a_driver_who_is_online_at_midnight_is_online_on_both_days(
    stack: Stack, write: Write, declared: Warehouse
) -> None:
    market = Market("us", "", ZoneInfo("America/New_York"))
    # 23:30 local on 31 October to 00:45 on 1 November, then busy until 01:15 for the second time, 90 minutes later.
    said = [("online", 3, 30), ("busy", 4, 45), ("offline", 6, 15)]
    events = [
        {
            "market": "us",
            "event_day": date(2026, 11, 1),
            "event_id": number,
            "driver_id": 7,
            "status": status,
            "occurred_at": datetime(2026, 11, 1, hour, minute, tzinfo=UTC),
        }
        for number, (status, hour, minute) in enumerate(said)
    ]
    write(STATUS, columns(declared, STATUS), rows_of(declared, STATUS, events))
    write(ORDERS, columns(declared, ORDERS), [])
    write(
        ORDERS, columns(declared, ORDERS), rows_of(declared, ORDERS, [{"market": "us", "order_day": date(2026, 1, 1)}])
    )
    days = [Partition("us", date(2026, 10, 31)), Partition("us", date(2026, 11, 1))]
    found = made(stack, declared.model(DRIVERS), *days, market=market)
    assert [(row["online_seconds"], row["busy_seconds"]) for row in found] == [(30 * 60, 0), (135 * 60, 90 * 60)]


@pytest.mark.parametrize(
    ("zone", "month", "hours"),
    [
        ("America/New_York", date(2026, 3, 1), 31 * 24 - 1),
        ("America/New_York", date(2025, 11, 1), 30 * 24 + 1),
        ("America/Sao_Paulo", date(2018, 2, 1), 28 * 24 + 1),
        ("Europe/Istanbul", date(2016, 10, 1), 31 * 24),
        ("Asia/Kolkata", date(2024, 2, 1), 29 * 24),
    ],
    ids=name_of,
)
def test_a_month_is_the_sum_of_its_days_and_complete_once_they_are(
    stack: Stack, write: Write, declared: Warehouse, zone: str, month: date, hours: int
) -> None:
    market = Market("xx", "", ZoneInfo(zone))
    first = datetime(month.year, month.month, 1, tzinfo=UTC) - timedelta(hours=24)
    instants = [first + timedelta(hours=number) for number in range(34 * 24)]
    kpi = [
        {
            "minute_day": instant.date(),
            "market": "xx",
            "minute_at": instant + timedelta(minutes=45),
            "price_category": "saver",
            "vehicle_type": "car",
            **dict.fromkeys(("created", "matched", "completed", "cancelled", "waiting_seconds"), 1),
            "revenue": Decimal("0.50"),
        }
        for instant in instants
    ]
    write(KPI, columns(declared, KPI), rows_of(declared, KPI, kpi))
    write(STATUS, columns(declared, STATUS), rows_of(declared, STATUS, [{"market": "yy", "event_id": 1}]))
    trips = [
        {"market": "xx", "order_day": instant.date(), "order_id": n, "driver_id": n % 10, "completed_at": instant}
        for n, instant in enumerate(instants)
    ]
    write(ORDERS, columns(declared, ORDERS), rows_of(declared, ORDERS, trips))
    days = [Partition("xx", month + timedelta(days=number)) for number in range(last_date(month).day)]
    whole = Partition("xx", month, Grain.MONTH)
    made(stack, declared.model(DAILY), *days[:-1], market=market)
    made(stack, declared.model(DRIVERS), *days, market=market)

    result = run_report(stack, declared.model(MONTH), [whole], markets=[market])
    assert [part.complete for part in result.partitions] == [False]
    made(stack, declared.model(DAILY), days[-1], market=market)
    (row,) = made(stack, declared.model(MONTH), whole, market=market)
    assert (row["local_month"], row["days"], row["created"]) == (month, len(days), hours)
    assert (row["revenue"], row["drivers"]) == (Decimal(hours) / 2, 10)
    result = run_report(stack, declared.model(MONTH), [whole], markets=[market])
    assert [part.complete for part in result.partitions] == [True]
