from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import sqlglot

from headwater.batch import Comparison, Operator, TableScan
from headwater.flinksql import parse
from headwater.model import TableName
from headwater.pushdown import scans

ORDERS, USERS = TableName.parse("dwd.orders"), TableName.parse("dwd.users")
TABLES = {
    ORDERS: ("order_id", "market", "created_at", "price", "order_day"),
    USERS: ("order_id", "name", "age"),
}
DAYS = {
    "calendar.local_day": {
        "market": ("hk", "au"),
        "local_date": (date(2026, 11, 22), date(2026, 11, 22)),
        "starts_at": (datetime(2026, 11, 21, 16, tzinfo=UTC), datetime(2026, 11, 21, 13, tzinfo=UTC)),
        "ends_at": (datetime(2026, 11, 22, 16, tzinfo=UTC), datetime(2026, 11, 22, 13, tzinfo=UTC)),
    }
}


def of(sql: str, table: TableName = ORDERS) -> TableScan:
    return scans(sqlglot.parse_one(sql, dialect="duckdb"), TABLES, DAYS)[table]


def where(sql: str, table: TableName = ORDERS) -> list[str]:
    return [f"{c.column} {c.operator} {', '.join(map(str, c.values))}".strip() for c in of(sql, table).where]


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT market FROM dwd.orders WHERE price > 1", ("market", "price")),
        ("SELECT MARKET FROM dwd.orders", ("market",)),
        ("SELECT count(*) FROM dwd.orders", ()),
        ("SELECT * FROM dwd.orders", None),
        ("SELECT o.* FROM dwd.orders o JOIN dwd.users u USING (order_id)", None),
        ("SELECT u.* FROM dwd.orders o JOIN dwd.users u USING (order_id)", ("order_id",)),
        ("SELECT x FROM (SELECT * FROM dwd.orders) AS x", None),
        ("SELECT orders FROM dwd.orders", None),
        ("SELECT a FROM dwd.orders AS o(a, b)", None),
        ("SELECT COLUMNS('pri.*') FROM dwd.orders", None),
        ("SELECT price FROM dwd.orders NATURAL JOIN dwd.users", None),
        ("WITH c AS (SELECT price FROM dwd.orders) SELECT * FROM c", ("price",)),
        ("SELECT price FROM dwd.orders UNION ALL SELECT order_id FROM dwd.orders", ("order_id", "price")),
    ],
)
def test_only_columns_that_the_text_could_mean_are_read(sql: str, columns: tuple[str, ...] | None) -> None:
    assert of(sql).columns == columns


@pytest.mark.parametrize(
    ("condition", "pushed"),
    [
        ("price > 1.5", ["price > 1.5"]),
        ("1.5 < price", ["price > 1.5"]),
        ("order_id = -3", ["order_id = -3"]),
        ("market IN ('hk', 'tw') AND price <> 0", ["market IN hk, tw", "price <> 0"]),
        ("order_id BETWEEN 1 AND 5", ["order_id >= 1", "order_id <= 5"]),
        ("order_day >= DATE '2026-11-22'", ["order_day >= 2026-11-22"]),
        ("created_at < TIMESTAMPTZ '2026-11-22 00:00:00+00'", ["created_at < 2026-11-22 00:00:00+00:00"]),
        ("price IS NULL AND NOT market IS NULL", ["price IS NULL", "market IS NOT NULL"]),
        ("(market = 'hk' AND (price > 1))", ["market = hk", "price > 1"]),
        ("market = 'hk' OR price > 1", []),
        ("NOT (price > 1)", []),
        ("price + 1 > 2", []),
        ("market = lower('HK')", []),
        ("market IN (SELECT name FROM dwd.users)", []),
        ("price > order_id", []),
    ],
)
def test_comparisons_of_a_column_with_literals_are_pushed(condition: str, pushed: list[str]) -> None:
    assert where(f"SELECT 1 FROM dwd.orders WHERE {condition}") == pushed


def test_literals_keep_their_kind() -> None:
    sql = "SELECT 1 FROM dwd.orders WHERE price = 1.50 AND order_id = 7 AND market = '7'"
    assert of(sql).where == (
        Comparison("price", Operator.EQUAL, (Decimal("1.50"),)),
        Comparison("order_id", Operator.EQUAL, (7,)),
        Comparison("market", Operator.EQUAL, ("7",)),
    )


JOIN = "FROM dwd.orders AS o {} JOIN dwd.users AS u ON o.order_id = u.order_id"


@pytest.mark.parametrize(
    ("side", "condition", "orders", "users"),
    [
        ("INNER", "o.price > 1 AND u.age > 2", ["price > 1"], ["age > 2"]),
        ("LEFT", "o.price > 1 AND u.age > 2", ["price > 1"], []),
        ("LEFT", "u.name IS NULL", [], []),
        ("RIGHT", "o.price > 1 AND u.age > 2", [], ["age > 2"]),
        ("FULL", "o.price > 1 AND u.age > 2", [], []),
    ],
)
def test_a_where_is_not_pushed_below_the_side_that_a_join_fills_with_null(
    side: str, condition: str, orders: list[str], users: list[str]
) -> None:
    sql = f"SELECT 1 {JOIN.format(side)} WHERE {condition}"
    assert where(sql) == orders
    assert where(sql, USERS) == users


def test_the_condition_of_a_left_join_restricts_its_right_side_only() -> None:
    sql = f"SELECT 1 {JOIN.format('LEFT')} AND u.age > 2 AND o.price > 1 AND u.name IS NULL"
    assert where(sql) == []
    assert where(sql, USERS) == ["age > 2"]


def test_the_condition_of_an_inner_join_restricts_both_sides() -> None:
    sql = f"SELECT 1 {JOIN.format('')} AND u.age > 2 AND o.price > 1"
    assert (where(sql), where(sql, USERS)) == (["price > 1"], ["age > 2"])


def test_a_later_right_join_takes_back_what_an_inner_join_said() -> None:
    sql = f"SELECT 1 {JOIN.format('')} AND o.price > 1 RIGHT JOIN dwd.users AS v ON v.order_id = o.order_id"
    assert where(sql) == []


@pytest.mark.parametrize("join", ["SEMI", "ANTI", "ASOF"])
def test_nothing_is_pushed_beside_a_join_of_another_kind(join: str) -> None:
    assert where(f"SELECT 1 {JOIN.format(join)} WHERE o.price > 1") == []


def test_a_column_that_could_be_of_two_tables_is_not_pushed() -> None:
    sql = "SELECT 1 FROM dwd.orders AS o, dwd.users AS u WHERE order_id > 1 AND price > 2 AND u.order_id > 3"
    assert (where(sql), where(sql, USERS)) == (["price > 2"], ["order_id > 3"])


def test_a_table_read_twice_is_filtered_by_what_both_places_say() -> None:
    both = "dwd.orders a JOIN dwd.orders b ON a.order_id = b.order_id"
    sql = f"SELECT 1 FROM {both} AND a.price > 1 AND b.price > 1 AND a.market = 'hk'"
    assert where(sql) == ["price > 1"]
    assert where("SELECT price FROM dwd.orders WHERE price > 1 UNION ALL SELECT price FROM dwd.orders") == []


def test_a_filter_inside_a_cte_is_pushed_and_one_outside_is_not() -> None:
    sql = "WITH c AS (SELECT order_id, price FROM dwd.orders WHERE price > 1) SELECT * FROM c WHERE order_id > 2"
    assert where(sql) == ["price > 1"]


@pytest.mark.parametrize(
    "source", ["dwd.orders TABLESAMPLE 10%", "dwd.orders AS o(order_id, market, created_at, price, order_day)"]
)
def test_nothing_is_pushed_into_a_source_that_is_more_than_a_table(source: str) -> None:
    assert where(f"SELECT 1 FROM {source} WHERE price > 1") == []


def test_comparisons_with_the_local_days_become_their_outermost_bounds() -> None:
    sql = """SELECT COUNT(*) FROM dwd.orders AS o JOIN calendar.local_day AS d
      ON o.market = d.market AND o.created_at >= d.starts_at AND o.created_at < d.ends_at
      AND o.order_day BETWEEN CAST(d.starts_at AS DATE) AND CAST(d.ends_at AS DATE)"""
    scan = scans(parse(sql)[0], TABLES, DAYS)[ORDERS]
    assert scan.columns == ("market", "created_at", "order_day")
    assert scan.where == (
        Comparison("market", Operator.IN, ("au", "hk")),
        Comparison("created_at", Operator.GREATER_EQUAL, (datetime(2026, 11, 21, 13, tzinfo=UTC),)),
        Comparison("created_at", Operator.LESS, (datetime(2026, 11, 22, 16, tzinfo=UTC),)),
        Comparison("order_day", Operator.GREATER_EQUAL, (date(2026, 11, 21),)),
        Comparison("order_day", Operator.LESS_EQUAL, (date(2026, 11, 22),)),
    )


def test_days_that_are_moved_by_an_interval_move_their_bounds() -> None:
    sql = """SELECT 1 FROM dwd.orders AS o JOIN calendar.local_day AS d
      ON o.created_at >= d.starts_at - INTERVAL '2' HOUR
      AND o.order_day >= CAST(d.starts_at - INTERVAL '7' DAY AS DATE)"""
    assert scans(parse(sql)[0], TABLES, DAYS)[ORDERS].where == (
        Comparison("created_at", Operator.GREATER_EQUAL, (datetime(2026, 11, 21, 11, tzinfo=UTC),)),
        Comparison("order_day", Operator.GREATER_EQUAL, (date(2026, 11, 14),)),
    )


@pytest.mark.parametrize(
    "moved", ["d.starts_at - INTERVAL '1' MONTH", "d.starts_at - INTERVAL '-1' HOUR", "d.starts_at - o.price"]
)
def test_other_arithmetic_on_the_local_days_is_not_pushed(moved: str) -> None:
    sql = f"SELECT 1 FROM dwd.orders AS o JOIN calendar.local_day AS d ON o.created_at >= {moved}"
    assert scans(parse(sql)[0], TABLES, DAYS)[ORDERS].where == ()


def test_a_table_that_the_text_does_not_show_is_read_whole() -> None:
    assert of("SELECT 1 FROM dwd.users") == TableScan()
