from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.model import Accepted, Check, Column, Model, NotNull, SqlCheck
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.checks import evaluate
from tests.unit.batch.daily import ORDER_COLUMNS, ORDERS, Write

AT = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)
MODEL = Model(
    name=ORDERS,
    file=Path("dwd/orders/table.yaml"),
    description="",
    owner="",
    columns=tuple(Column(name, SqlType.parse(kind)) for name, kind in ORDER_COLUMNS.items()),
    key=("market", "order_id"),
)


@pytest.fixture
def orders(stack: Stack, write: Write) -> Stack:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, AT, Decimal("1.50"), "created")])
    write("dwd.orders", ORDER_COLUMNS, [("au", 2, AT, Decimal(-1), None), ("au", 3, None, Decimal(-2), "lost")])
    return stack


def sql_check(sql: str) -> SqlCheck:
    return SqlCheck("no_negative_price", Path("dwd/orders/checks/no_negative_price.sql"), sql)


@pytest.mark.parametrize(
    ("check", "name", "failing", "sample"),
    [
        (NotNull(("market",)), "not_null", 0, ()),
        (
            NotNull(("market", "created_at")),
            "not_null",
            1,
            ({"market": "au", "order_id": "3", "created_at": None},),
        ),
        (
            Accepted("status", ("created", "it's")),
            "accepted_status",
            1,
            ({"market": "au", "order_id": "3", "status": "lost"},),
        ),
        (sql_check("SELECT order_id FROM dwd.orders WHERE price < 0"), "no_negative_price", 2, None),
        (sql_check("SELECT order_id FROM dwd.orders WHERE price < -5"), "no_negative_price", 0, ()),
    ],
)
def test_a_check_counts_the_rows_that_offend_and_shows_some(
    orders: Stack, check: Check, name: str, failing: int, sample: tuple | None
) -> None:
    (result,) = evaluate(orders, replace(MODEL, checks=(check,)), 2)
    assert (result.name, result.failing, result.passed) == (name, failing, failing == 0)
    assert sample is None or result.sample == sample
    assert result.snapshots == {ORDERS: 2}


def test_checks_are_of_the_snapshot_asked_for_in_the_order_declared(orders: Stack) -> None:
    checks = (NotNull(("created_at",)), Accepted("status", ("created",)))
    assert [result.passed for result in evaluate(orders, replace(MODEL, checks=checks), 1)] == [True, True]
    assert [result.passed for result in evaluate(orders, replace(MODEL, checks=checks), 2)] == [False, False]


def test_at_most_five_offending_rows_are_shown(orders: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [("tw", number, None, Decimal(1), "x") for number in range(10, 30)])
    (result,) = evaluate(orders, replace(MODEL, checks=(NotNull(("created_at",)),)), 3)
    assert (result.failing, len(result.sample)) == (21, 5)


def test_a_check_may_read_another_table(orders: Stack, write: Write) -> None:
    write("dm.kpi", {"market": "STRING"}, [("hk",)])
    sql = "SELECT o.order_id FROM dwd.orders AS o LEFT JOIN dm.kpi AS k ON k.market = o.market WHERE k.market IS NULL"
    (result,) = evaluate(orders, replace(MODEL, checks=(sql_check(sql),)), 2)
    assert result.failing == 2
    assert {str(name): number for name, number in result.snapshots.items()} == {"dm.kpi": 1, "dwd.orders": 2}


def test_a_check_that_duckdb_does_not_run_as_flink_does_names_its_file(orders: Stack) -> None:
    with pytest.raises(HeadwaterError, match=r"no_negative_price.sql:1:8: DuckDB, which computes this"):
        evaluate(orders, replace(MODEL, checks=(sql_check("SELECT UPPER(status) AS s FROM dwd.orders"),)), 2)


def test_a_table_or_snapshot_that_is_not_there_is_named(orders: Stack, stack: Stack) -> None:
    with pytest.raises(HeadwaterError, match=r"Snapshot 9 of dwd.orders does not exist"):
        evaluate(orders, replace(MODEL, checks=(NotNull(("market",)),)), 9)
    missing = replace(MODEL, name=replace(ORDERS, table="missing"), checks=(NotNull(("market",)),))
    with pytest.raises(HeadwaterError, match=r"There is no table dwd.missing in the lake to check"):
        evaluate(orders, missing, 1)
