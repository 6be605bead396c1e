"""What use comes to in money, and how assets are ranked by it."""

from datetime import UTC, datetime

import pytest

from headwater.cost.bill import Bill, Usage, charge, ranked
from headwater.cost.prices import Prices
from headwater.cost.share import Pace
from headwater.footprint import Footprint
from headwater.model import TableName

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PRICES = Prices("EUR", cpu_hour=0.05, storage_gb_month=0.02, state_gb_month=0.1)


def usage(name: str, cores: float | None = None, table: int = 0, kept: int = 0) -> Usage:
    files = Footprint(1, 1, (), 1, table, 1, table, ())
    return Usage(TableName.parse(name), None if cores is None else Pace(cores, AT, 1.0), 0, kept, files)


def test_a_month_has_730_hours_and_a_gigabyte_10_to_the_9_bytes() -> None:
    found = charge(usage("dwd.a", 2.0, table=3 * 10**9, kept=5 * 10**8), PRICES)
    assert found.cpu == pytest.approx(2 * 730 * 0.05)
    assert found.storage == pytest.approx(0.06)
    assert found.state == pytest.approx(0.05)
    assert found.total == pytest.approx(73.11)


def test_the_dearest_comes_first() -> None:
    busy, big = usage("dwd.busy", 0.01), usage("dwd.big", 0.0, table=10**12)
    assert ranked([busy, big], PRICES) == (big, busy)
    assert ranked([busy, big], None) == (busy, big)


def test_without_prices_there_is_no_money_and_cpu_is_shared_out() -> None:
    a, b, report = usage("dwd.a", 0.3), usage("dwd.b", 0.1), usage("rpt.c")
    bill = Bill(AT, (a, b, report), (), None)
    assert bill.charge(a) is None
    assert [bill.cpu_share(each) for each in bill.assets] == [pytest.approx(0.75), pytest.approx(0.25), 0.0]


def test_what_only_old_snapshots_need_is_held() -> None:
    found = Footprint(7, 3, (), files=10, bytes=1000, live_files=4, live_bytes=300, buckets=())
    assert (found.held_files, found.held_bytes) == (6, 700)
