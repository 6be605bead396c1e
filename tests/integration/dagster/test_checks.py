"""Declared checks on a table that a stream keeps, and reports that wait for them, each in a run of its own."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from resources.checks.examine import is_due
from resources.declarations import warehouse
from tests.integration.dagster.desk import Desk
from tests.integration.waiting import eventually

SALES = [(1, "hk", 10, "2026-02-01T03:00:00.000Z"), (2, "hk", 20, "2026-02-02T03:00:00.000Z")]
MOVED = {"id": 3, "market": "in", "amount": 3, "sold_at": datetime(2026, 2, 1, 3, tzinfo=UTC)}
WRONG = (2, "hk", -20, "2026-02-02T03:00:00.000Z")


def said(check: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {key.removeprefix("headwater/"): value.value for key, value in check.metadata.items()}


def amounts(desk: Desk, *wanted: int) -> None:
    """Wait until the table holds these amounts, in the order of their sales."""
    desk.house.await_values("dwd.sales#", ("amount",), [(amount,) for amount in wanted])


def await_failing(desk: Desk, name: str, failing: int) -> dict[str, object]:
    """Evaluate the checks until one of them has counted the rows that were just written; give what it says."""
    eventually(lambda: said(desk.run_checks()[name])["failing"] == failing, f"{name} counts {failing}")
    return said(desk.run_checks()[name])


def test_a_blocking_check_that_failed_in_another_run_stops_the_report_until_it_passes(desk: Desk) -> None:
    desk.declare_checks("{range: {column: amount, min: 0}, blocking: true}", "{not_null: [market], severity: warn}")
    desk.run_job()
    desk.sell(SALES)
    amounts(desk, 10, 20)
    first = desk.run_checks()
    assert {name: check.passed for name, check in first.items()} == {"range_amount": True, "not_null_market": True}
    assert said(first["range_amount"])["said"] == "read whole: it is the first look"
    desk.run_report("2026-02-02|hk", "2026-02-02|hk")

    desk.sell([WRONG])
    amounts(desk, 10, -20)
    found = await_failing(desk, "range_amount", 1)
    assert found["sample"] == [{"id": "2", "amount": "-20"}]
    assert isinstance(found["after_snapshot_id"], int)
    with pytest.raises(dg.Failure, match=r"the blocking check range_amount of dwd.sales\S+ failed at snapshot \d+"):
        desk.run_report("2026-02-02|hk", "2026-02-02|hk")
    assert [row["amount"] for row in desk.house.rows("rpt.daily_sales#")] == [20]

    desk.sell([(2, "hk", 25, "2026-02-02T03:00:00.000Z")])
    amounts(desk, 10, 25)
    assert await_failing(desk, "range_amount", 0)["failing"] == 0
    desk.run_report("2026-02-02|hk", "2026-02-02|hk")
    assert [(row["local_date"], row["amount"]) for row in desk.house.rows("rpt.daily_sales#")] == [
        (date(2026, 2, 2), 25)
    ]


def test_a_look_reads_the_rows_that_changed_and_a_table_at_rest_is_not_due(desk: Desk) -> None:
    desk.declare_checks("not_null: [market]", "malformed: {at_most: 1%}")
    desk.run_job()
    desk.sell([(number, "hk", number, "2026-02-01T03:00:00.000Z") for number in range(1, 51)])
    amounts(desk, *sorted(range(1, 51), key=str))
    eventually(lambda: said(desk.run_checks()["not_null_market"])["rows_read"] == 0, "the fifty rows have been read")
    malformed = said(desk.run_checks()["malformed"])
    assert malformed["said"] == "0 of 50 records within 1h were rejected, 0.00%"
    desk.sell([(3, "in", 3, "2026-02-01T03:00:00.000Z")])
    eventually(lambda: desk.house.rows("dwd.sales#").count(MOVED) == 1, "the row has moved")
    eventually(lambda: said(desk.run_checks()["not_null_market"])["rows_read"] == 2, "its row before, and after")
    desk.house.stop("dwd.sales#")
    desk.run_checks()
    stack = desk.house.stack
    assert not is_due(stack, warehouse(stack).model(desk.table))
