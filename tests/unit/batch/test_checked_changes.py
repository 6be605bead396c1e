"""Checks read what changed since the look before, and go on from what was found then."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.checks.kinds import Accepted, Kind, NotNull, Range, Relation, Unique
from headwater.model import TableName
from headwater.stack import Stack
from resources.checks.examine import is_due
from tests.unit.batch.checking import declared, look, outcome, sql_check
from tests.unit.batch.daily import ORDER_COLUMNS, Write

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
CATEGORIES = TableName.parse("dwd.categories")
NEGATIVE = "SELECT order_id FROM dwd.orders WHERE price < 0"


def order(number: int, status: str | None = "created", price: int | None = 1, market: str = "hk") -> tuple:
    return (market, number, AT, None if price is None else Decimal(price), status)


@pytest.fixture
def orders(stack: Stack, write: Write) -> Stack:
    write("dwd.orders", ORDER_COLUMNS, [order(1), order(2, "lost", -1), order(3, None, None)])
    write("dwd.categories", {"name": "STRING"}, [("created",), ("lost",)])
    return stack


@pytest.mark.parametrize(
    ("asks", "before", "after"),
    [
        (NotNull(("status",)), 1, 2),
        (Accepted("status", ("created",)), 1, 2),
        (Range("price", "0", "1000"), 1, 3),
        (sql_check(NEGATIVE, row_by_row=True), 1, 2),
        (Unique(("order_id",)), 0, 1),
        (Relation(("status",), CATEGORIES, ("name",)), 0, 1),
    ],
)
def test_the_second_look_reads_the_rows_that_came(
    orders: Stack, write: Write, asks: Kind, before: int, after: int
) -> None:
    model = declared(asks)
    first = outcome(orders, model)
    assert (first.failing, first.since, first.said) == (before, None, "read whole: it is the first look")
    write("dwd.orders", ORDER_COLUMNS, [order(1, None, -5), order(5, "new", 1001)])
    second = outcome(orders, model)
    assert (second.failing, second.since, second.snapshot) == (after, 1, 2)
    assert second.said == ""
    if not isinstance(asks, Unique | Relation):
        assert second.read == 2
    assert outcome(orders, model, whole=True).failing == after


@pytest.mark.parametrize(
    "asks",
    [
        NotNull(("status",)),
        Unique(("market",)),
        sql_check(NEGATIVE, row_by_row=True),
        sql_check("SELECT market FROM dwd.orders GROUP BY market HAVING COUNT(*) > 1"),
    ],
)
def test_nothing_new_is_nothing_to_read(orders: Stack, asks: Kind) -> None:
    model = declared(asks)
    first = outcome(orders, model)
    again = outcome(orders, model)
    assert (again.read, again.failing, again.sample) == (0, first.failing, first.sample)
    assert first.failing > 0


def test_offending_rows_of_before_stay_in_the_sample_behind_new_ones(orders: Stack, write: Write) -> None:
    model = declared(Accepted("status", ("created",)))
    outcome(orders, model)
    write("dwd.orders", ORDER_COLUMNS, [order(7, "gone")])
    assert [row["order_id"] for row in outcome(orders, model).sample] == ["7", "2"]


def test_checks_that_have_seen_the_same_read_the_changes_once(orders: Stack, write: Write) -> None:
    model = declared(NotNull(("status",)), Accepted("status", ("created",)), Range("price", "0", None))
    look(orders, model)
    write("dwd.orders", ORDER_COLUMNS, [order(8, "gone", -1)])
    examined = look(orders, model)
    assert [(found.failing, found.read) for found in examined.outcomes] == [(1, 1), (2, 1), (2, 1)]


def test_a_check_that_asks_something_else_reads_the_table_whole(orders: Stack) -> None:
    outcome(orders, declared(Accepted("status", ("created",))))
    found = outcome(orders, declared(Accepted("status", ("lost",))))
    assert (found.since, found.failing) == (None, 1)
    assert found.said == "read whole: the check asks something else than before"


def test_one_added_to_the_declaration_reads_whole_and_the_others_go_on(orders: Stack, write: Write) -> None:
    look(orders, declared(NotNull(("status",))))
    write("dwd.orders", ORDER_COLUMNS, [order(9)])
    examined = look(orders, declared(NotNull(("status",)), NotNull(("price",))))
    assert [(found.since, found.failing) for found in examined.outcomes] == [(1, 1), (None, 1)]


def test_an_expired_snapshot_makes_the_table_read_whole_and_is_named(orders: Stack, write: Write) -> None:
    model = declared(NotNull(("status",)))
    outcome(orders, model)
    write("dwd.orders", ORDER_COLUMNS, [order(9)])
    (orders.lake / "dwd.db" / "orders" / "snapshot" / "snapshot-1").unlink()
    found = outcome(orders, model)
    assert (found.since, found.failing, found.read) == (None, 1, 4)
    assert found.said == "read whole: snapshot 1 has expired"


def test_a_table_made_anew_is_not_taken_for_the_old_one(orders: Stack, write: Write) -> None:
    model = declared(NotNull(("status",)))
    outcome(orders, model)
    table = orders.lake / "dwd.db" / "orders"
    table.rename(table.with_name("orders_before"))
    write("dwd.orders", ORDER_COLUMNS, [order(1), order(2)])
    write("dwd.orders", ORDER_COLUMNS, [order(3)])
    found = outcome(orders, model)
    assert (found.since, found.failing) == (None, 0)
    assert found.said == "read whole: snapshot 1 is another one than before"


def test_a_damaged_memory_costs_a_whole_read_and_nothing_else(orders: Stack) -> None:
    model = declared(NotNull(("status",)))
    outcome(orders, model)
    (orders.home / "checks" / "dwd.orders.json").write_text('{"not_null_status": 7}')
    assert outcome(orders, model).said == "read whole: it is the first look"


def test_more_rows_than_may_be_read_are_told_and_stay_told(orders: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [order(number, None) for number in range(10, 30)])
    model = declared(NotNull(("status",)), rows=8)
    first = outcome(orders, model)
    assert (first.read, first.is_cut) == (8, True)
    assert 0 < first.failing <= 8
    write("dwd.orders", ORDER_COLUMNS, [order(40, None)])
    second = outcome(orders, model)
    assert (second.read, second.is_cut, second.failing) == (1, True, first.failing + 1)
    whole = outcome(orders, replace(model, check_rows=1000), whole=True)
    assert (whole.is_cut, whole.failing) == (False, 22)


def test_sql_over_several_rows_is_not_judged_by_a_part_of_them(orders: Stack) -> None:
    sql = "SELECT market FROM dwd.orders GROUP BY market HAVING COUNT(*) > 100"
    ((_, error),) = look(orders, declared(sql_check(sql), rows=2)).failures
    assert "no_negative_price of dwd.orders needs all of dwd.orders, which has more than 2 rows" in str(error)
    assert error.next_command.startswith("declare a larger check_rows in")


def test_a_relation_is_not_judged_by_a_part_of_the_other_table(orders: Stack, write: Write) -> None:
    write("dwd.categories", {"name": "STRING"}, [(f"d{number}",) for number in range(20)])
    model = declared(Relation(("status",), CATEGORIES, ("name",)), rows=5)
    ((_, error),) = look(orders, model).failures
    assert "needs all of dwd.categories, which has more than 5 rows" in str(error)


def test_a_value_that_came_to_the_other_table_heals_a_relation(orders: Stack, write: Write) -> None:
    model = declared(Relation(("status",), CATEGORIES, ("name",)))
    write("dwd.orders", ORDER_COLUMNS, [order(9, "new")])
    assert outcome(orders, model).sample == ({"status": "new"},)
    write("dwd.categories", {"name": "STRING"}, [("new",)])
    healed = outcome(orders, model)
    assert (healed.passed, healed.said) == (True, "read whole: values were missing at the look before")
    write("dwd.orders", ORDER_COLUMNS, [order(10, "new")])
    assert outcome(orders, model).since == 2


def test_a_relation_may_lead_to_the_table_itself(orders: Stack, write: Write) -> None:
    model = declared(Relation(("market",), TableName.parse("dwd.orders"), ("status",)))
    assert outcome(orders, model).sample == ({"market": "hk"},)
    write("dwd.orders", ORDER_COLUMNS, [order(9, "hk")])
    assert outcome(orders, model).passed


def test_a_value_that_stood_once_and_comes_again_is_found_without_reading_other_values(
    orders: Stack, write: Write
) -> None:
    write("dwd.orders", ORDER_COLUMNS, [order(number) for number in range(1000, 6000)])
    model = declared(Unique(("order_id",)))
    assert outcome(orders, model).passed
    write("dwd.orders", ORDER_COLUMNS, [order(2), order(2)])
    found = outcome(orders, model)
    assert (found.failing, found.sample) == (1, ({"order_id": "2", "rows": "3"},))
    assert found.read < 100
    write("dwd.orders", ORDER_COLUMNS, [order(2)])
    again = outcome(orders, model)
    assert (again.failing, again.sample) == (1, ({"order_id": "2", "rows": "4"},))


def test_values_that_are_null_may_stand_many_times(orders: Stack, write: Write) -> None:
    model = declared(Unique(("price",)))
    assert outcome(orders, model).passed
    write("dwd.orders", ORDER_COLUMNS, [order(9, price=None), order(10, price=None)])
    assert outcome(orders, model).passed


def test_a_table_is_due_when_it_or_what_its_checks_read_has_a_newer_snapshot(orders: Stack, write: Write) -> None:
    model = declared(NotNull(("status",)), Relation(("status",), CATEGORIES, ("name",)))
    assert is_due(orders, model)
    look(orders, model)
    assert not is_due(orders, model)
    write("dwd.categories", {"name": "STRING"}, [("new",)])
    assert is_due(orders, model)
    look(orders, model)
    assert not is_due(orders, model)
    write("dwd.orders", ORDER_COLUMNS, [order(9)])
    assert is_due(orders, model)


def test_a_table_without_a_commit_is_not_due(stack: Stack) -> None:
    assert not is_due(stack, declared(NotNull(("status",))))


def test_what_is_no_longer_declared_is_forgotten(orders: Stack) -> None:
    look(orders, declared(NotNull(("status",)), Range("price", "0", None)))
    look(orders, declared(NotNull(("status",))))
    text = Path(orders.home, "checks", "dwd.orders.json").read_text()
    assert "not_null_status" in text
    assert "range_price" not in text
