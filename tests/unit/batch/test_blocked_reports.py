"""A report is not made while a blocking check of a table that it reads fails."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.batch import Partition
from headwater.checks.kinds import Check, Kind, NotNull, Range
from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.checks.examine import examine
from resources.report import run_report
from tests.unit.batch.checking import blocking, declared
from tests.unit.batch.daily import DAY, MARKETS, ORDER_COLUMNS, Write, report

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
PRICED = Range("price", "0", None)


class Desk:
    """One table of orders, its checks as they are declared now, and a report over it."""

    def __init__(self, stack: Stack, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = stack
        self.write = write
        self.warehouse = Warehouse(Path("warehouse"), ())
        monkeypatch.setattr("resources.checks.blocking.warehouse", lambda stack: self.warehouse)

    def declare(self, *checks: Kind | Check) -> None:
        self.warehouse = Warehouse(Path("warehouse"), (declared(*checks),))

    def sell(self, number: int, price: int | None) -> None:
        row = ("hk", number, AT, None if price is None else Decimal(price), "created")
        self.write("dwd.orders", ORDER_COLUMNS, [row])

    def check(self) -> None:
        (model,) = self.warehouse.models
        assert examine(self.stack, self.warehouse, model).failures == ()

    def report(self) -> int:
        return run_report(self.stack, report(), [Partition("hk", DAY)], markets=MARKETS).rows


@pytest.fixture
def desk(stack: Stack, write: Write, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(stack, write, monkeypatch)


def test_the_refusal_names_check_table_snapshot_and_the_way_on(desk: Desk) -> None:
    desk.declare(blocking(PRICED))
    desk.sell(1, -1)
    desk.check()
    with pytest.raises(HeadwaterError) as refused:
        desk.report()
    assert str(refused.value) == (
        "rpt.daily is not made: the blocking check range_price of dwd.orders failed at snapshot 1, 1 rows"
        " (price is at least 0)\n"
        "  left:  nothing was written; the report's earlier partitions are as they were\n"
        "  next:  mend dwd.orders, then headwater check dwd.orders, and make the report again"
    )


def test_a_check_that_has_passed_blocks_nothing(desk: Desk) -> None:
    desk.declare(blocking(PRICED))
    desk.sell(1, 1)
    desk.check()
    assert desk.report() == 1


def test_one_that_was_not_evaluated_yet_blocks_nothing(desk: Desk) -> None:
    desk.declare(blocking(PRICED))
    desk.sell(1, -1)
    assert desk.report() == 1


def test_the_newest_evaluation_counts(desk: Desk) -> None:
    desk.declare(blocking(NotNull(("price",))))
    desk.sell(1, 1)
    desk.check()
    desk.sell(2, None)
    assert desk.report() == 1
    desk.check()
    with pytest.raises(HeadwaterError, match=r"not_null_price of dwd.orders failed at snapshot 2"):
        desk.report()


def test_a_failed_check_that_does_not_block_leaves_reports_alone(desk: Desk) -> None:
    desk.declare(PRICED)
    desk.sell(1, -1)
    desk.check()
    assert desk.report() == 1


@pytest.mark.parametrize("now", [(), (Check(PRICED),), (blocking(Range("price", "-10", None)),)])
def test_what_is_declared_now_decides(desk: Desk, now: tuple[Check, ...]) -> None:
    desk.declare(blocking(PRICED))
    desk.sell(1, -1)
    desk.check()
    desk.declare(*now)
    assert desk.report() == 1
