"""The reference reports over what the simulator says has happened, against its own truth."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater.batch import Partition
from headwater.loader import load
from headwater.model import Grain, Market, TableName, Warehouse
from headwater.stack import Stack
from resources.paimon.reader import scan
from resources.report import run_report
from simulator.replay import ReplaySpan, imagine
from simulator.truth import Row, Truth
from tests.unit.batch.daily import Write

# New York's first of November has begun at 04:00, and its clocks show the hour from 05:00 on twice.
SPAN = ReplaySpan(start=datetime(2026, 11, 1, 2, 30, tzinfo=UTC), minutes=270, orders=4_000, seed=3)
CODES = ("us", "in", "au", "mx")
LONGEST = timedelta(hours=4)


@pytest.fixture(scope="module")
def declared() -> Warehouse:
    return load(Path(__file__).parents[3] / "warehouse")


@pytest.fixture(scope="module")
def markets(declared: Warehouse) -> tuple[Market, ...]:
    return tuple(declared.market(code) for code in CODES)


@pytest.fixture(scope="module")
def truth(markets: tuple[Market, ...]) -> Truth:
    return imagine(markets, SPAN)[1]


@pytest.fixture
def lake(stack: Stack, write: Write, declared: Warehouse, truth: Truth) -> Stack:
    tables = {
        "dwd.orders": truth.orders,
        "dwd.driver_status": truth.driver_status,
        "dm.kpi_minute": truth.kpi_minute,
    }
    for name, rows in tables.items():
        columns = {column.name: str(column.type) for column in declared.model(TableName.parse(name)).columns}
        values = [tuple(typed(row.get(column), kind) for column, kind in columns.items()) for row in rows]
        write(name, columns, values)
    return stack


def typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "DATE":
        return date.fromisoformat(value)
    if kind.startswith("TIMESTAMP"):
        return datetime.fromisoformat(value)
    return Decimal(value) if kind.startswith("DECIMAL") else value


def made(stack: Stack, declared: Warehouse, name: str, partitions: list[Partition]) -> list[Row]:
    result = run_report(stack, declared.model(TableName.parse(name)), partitions, markets=declared.markets)
    assert result.snapshot_id is not None
    return scan(stack.lake, TableName.parse(name), result.snapshot_id).read_all().to_pylist()


def days_of(truth: Truth) -> list[Partition]:
    found = {(row["market"], row["local_date"]) for row in truth.daily_orders}
    return [Partition(market, date.fromisoformat(day)) for market, day in sorted(found)]


def test_the_days_and_the_month_are_those_of_the_truth(lake: Stack, declared: Warehouse, truth: Truth) -> None:
    days = days_of(truth)
    assert {(part.market, part.local_date.day) for part in days} >= {("us", 31), ("us", 1), ("mx", 31), ("in", 1)}
    keys = ("market", "local_date", "price_category", "vehicle_type")
    measures = ("created", "matched", "completed", "cancelled", "revenue")
    found = {
        (row["market"], row["local_date"].isoformat(), *(row[key] for key in keys[2:])): [
            row[name] for name in measures
        ]
        for row in made(lake, declared, "rpt.daily_orders", days)
    }
    assert found == {
        tuple(row[key] for key in keys): [*(row[name] for name in measures[:-1]), Decimal(row["revenue"])]
        for row in truth.daily_orders
    }
    made(lake, declared, "rpt.driver_day", days)
    months = [Partition(code, date(2026, 11, 1), Grain.MONTH) for code in CODES]
    for row in made(lake, declared, "rpt.market_month", months):
        mine = [
            each
            for each in truth.daily_orders
            if each["market"] == row["market"] and each["local_date"].startswith("2026-11")
        ]
        assert [row[name] for name in measures[:-1]] == [sum(each[name] for each in mine) for name in measures[:-1]]
        assert row["revenue"] == sum(Decimal(each["revenue"]) for each in mine)


def test_what_drivers_did_is_what_their_events_say(
    lake: Stack, declared: Warehouse, truth: Truth, markets: tuple[Market, ...]
) -> None:
    days = days_of(truth)
    found = {
        (row["market"], row["local_date"], row["driver_id"]): row
        for row in made(lake, declared, "rpt.driver_day", days)
    }
    online, busy = counted(truth, markets, {(part.market, part.local_date) for part in days})
    assert {key: row["online_seconds"] for key, row in found.items() if row["online_seconds"]} == online
    assert {key: row["busy_seconds"] for key, row in found.items() if row["busy_seconds"]} == busy
    trips: Counter[tuple] = Counter()
    revenue: dict[tuple, Decimal] = defaultdict(Decimal)
    zones = {market.code: market.zone for market in markets}
    for order in truth.orders:
        if order["completed_at"] and order["driver_id"] is not None:
            day = datetime.fromisoformat(order["completed_at"]).astimezone(zones[order["market"]]).date()
            key = (order["market"], day, order["driver_id"])
            trips[key] += 1
            revenue[key] += Decimal(order["price"] or 0)
    assert {key: row["trips"] for key, row in found.items() if row["trips"]} == dict(trips)
    assert all(row["revenue"] == revenue[key] for key, row in found.items())


def counted(
    truth: Truth, markets: tuple[Market, ...], days: set[tuple[str, date]]
) -> tuple[dict[tuple, int], dict[tuple, int]]:
    """Whole seconds of each state on each local day; a state holds until the driver's next, four hours at most."""
    zones = {market.code: market.zone for market in markets}
    events: dict[tuple[str, int], list[tuple[datetime, int, str]]] = defaultdict(list)
    for row in truth.driver_status:
        event = (datetime.fromisoformat(row["occurred_at"]), row["event_id"], row["status"])
        events[row["market"], row["driver_id"]].append(event)
    online: Counter[tuple] = Counter()
    busy: Counter[tuple] = Counter()
    for (code, driver), said in events.items():
        said.sort()
        for number, (begin, _, status) in enumerate(said):
            following = said[number + 1][0] if number + 1 < len(said) else begin + LONGEST
            for start, end in pieces(begin, min(following, begin + LONGEST), zones[code]):
                key = (code, start.astimezone(zones[code]).date(), driver)
                seconds = (end - start) // timedelta(seconds=1)
                if status != "offline" and key[:2] in days:
                    online[key] += seconds
                    busy[key] += seconds * (status == "busy")
    return {key: count for key, count in online.items() if count}, {key: count for key, count in busy.items() if count}


def pieces(begin: datetime, end: datetime, zone: Any) -> Iterator[tuple[datetime, datetime]]:
    """The span, cut where the date changes; midnights are on whole minutes."""
    minute = begin.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while begin < end:
        while minute < end and minute.astimezone(zone).date() == begin.astimezone(zone).date():
            minute += timedelta(minutes=1)
        yield begin, min(minute, end)
        begin = min(minute, end)
