"""What each kind of check finds at its first look, when the table is read whole."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from headwater.checks.kinds import Accepted, Check, Kind, NotNull, Range, Relation, Unique
from headwater.checks.outcome import Examined
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.checks.examine import examine
from tests.unit.batch.checking import declared, look, outcome, sql_check, warehouse
from tests.unit.batch.daily import ORDER_COLUMNS, ORDERS, Write, report

AT = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)
CATEGORIES = TableName.parse("dwd.categories")
NEGATIVE = "SELECT order_id FROM dwd.orders WHERE price < 0"


@pytest.fixture
def orders(stack: Stack, write: Write) -> Stack:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, AT, Decimal("1.50"), "created")])
    write("dwd.orders", ORDER_COLUMNS, [("au", 2, AT, Decimal(-1), None), ("au", 3, None, Decimal(-2), "lost")])
    write("dwd.categories", {"name": "STRING"}, [("created",), ("sold",)])
    return stack


@pytest.mark.parametrize(
    ("asks", "name", "failing", "sample"),
    [
        (NotNull(("market",)), "not_null_market", 0, ()),
        (
            NotNull(("market", "created_at")),
            "not_null_market_created_at",
            1,
            ({"market": "au", "order_id": "3", "created_at": None},),
        ),
        (
            Accepted("status", ("created", "it's")),
            "accepted_status",
            1,
            ({"market": "au", "order_id": "3", "status": "lost"},),
        ),
        (Range("price", "-1", "1.50"), "range_price", 1, ({"market": "au", "order_id": "3", "price": "-2.00"},)),
        (Range("price", None, "1.49"), "range_price", 1, ({"market": "hk", "order_id": "1", "price": "1.50"},)),
        (Range("created_at", "2026-11-22T04:04:05.678+01:00", None), "range_created_at", 0, ()),
        (
            Range("created_at", None, "2026-11-22T03:04:05Z"),
            "range_created_at",
            2,
            None,
        ),
        (Unique(("market",)), "unique_market", 1, ({"market": "au", "rows": "2"},)),
        (Unique(("created_at",)), "unique_created_at", 1, None),
        (Unique(("market", "order_id")), "unique_market_order_id", 0, ()),
        (Relation(("status",), CATEGORIES, ("name",)), "relation_status", 1, ({"status": "lost"},)),
        (sql_check(NEGATIVE), "no_negative_price", 2, None),
        (sql_check(NEGATIVE, row_by_row=True), "no_negative_price", 2, None),
        (sql_check("SELECT order_id FROM dwd.orders WHERE price < -5"), "no_negative_price", 0, ()),
        (sql_check("SELECT market FROM dwd.orders GROUP BY market HAVING COUNT(*) > 1"), "no_negative_price", 1, None),
    ],
)
def test_a_check_counts_what_offends_and_shows_some(
    orders: Stack, asks: Kind, name: str, failing: int, sample: tuple | None
) -> None:
    found = outcome(orders, declared(asks))
    assert (found.check.name, found.failing, found.passed) == (name, failing, failing == 0)
    assert sample is None or found.sample == sample
    assert (found.snapshot, found.since, found.snapshots[str(ORDERS)]) == (2, None, 2)


def test_outcomes_come_in_the_order_declared(orders: Stack) -> None:
    examined = look(orders, declared(Unique(("market",)), NotNull(("market",)), Accepted("status", ("created",))))
    assert [found.check.name for found in examined.outcomes] == ["unique_market", "not_null_market", "accepted_status"]


def test_at_most_five_offending_rows_are_shown(orders: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [("tw", number, None, Decimal(1), "x") for number in range(10, 30)])
    found = outcome(orders, declared(NotNull(("created_at",))))
    assert (found.failing, len(found.sample)) == (21, 5)


def test_a_check_may_read_another_table(orders: Stack) -> None:
    sql = (
        "SELECT o.order_id FROM dwd.orders AS o LEFT JOIN dwd.categories AS c ON c.name = o.status WHERE c.name IS NULL"
    )
    found = outcome(orders, declared(sql_check(sql)))
    assert found.failing == 2
    assert found.snapshots == {"dwd.categories": 1, "dwd.orders": 2}


def test_a_check_that_duckdb_does_not_run_as_flink_does_names_its_file_and_lets_the_others_run(orders: Stack) -> None:
    sql = "SELECT INITCAP(status) AS s FROM dwd.orders"
    examined = look(orders, declared(sql_check(sql), NotNull(("market",))))
    ((name, error),) = examined.failures
    assert name == "no_negative_price"
    assert "no_negative_price.sql:1:8: DuckDB, which computes this" in str(error)
    assert [found.check.name for found in examined.outcomes] == ["not_null_market"]


def test_a_report_that_never_ran_has_nothing_to_check(stack: Stack) -> None:
    never = replace(report(), checks=(Check(NotNull(("market",))),))
    assert examine(stack, warehouse(never), never) == Examined()


def test_a_table_that_is_not_there_is_named(stack: Stack) -> None:
    with pytest.raises(HeadwaterError, match=r"There is no table dwd.orders in the lake to check"):
        look(stack, declared(NotNull(("market",))))


def test_a_table_without_a_commit_gives_nothing(stack: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [])
    assert look(stack, declared(NotNull(("market",)))).outcomes == ()


def test_a_table_that_a_relation_leads_to_must_have_a_commit(orders: Stack) -> None:
    examined = look(orders, declared(Relation(("status",), TableName.parse("dwd.none"), ("name",))))
    ((_, error),) = examined.failures
    assert "dwd.none has no snapshot yet, and a check reads it" in str(error)
