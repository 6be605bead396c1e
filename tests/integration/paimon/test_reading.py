from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from headwater.batch import Comparison, Operator
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore
from resources.query import answer
from tests.integration.paimon.flinkbatch import FlinkBatch

NAME = TableName.parse("dwd.read_orders")
LTZ = "CAST(TIMESTAMP '{}' AS TIMESTAMP_LTZ(3))"

ORDERS = """CREATE TABLE {} (
  market STRING, order_day DATE, order_id BIGINT,
  status STRING, updated_at TIMESTAMP_LTZ(3),
  price DECIMAL(12, 2), priced_at TIMESTAMP_LTZ(3),
  driver_id BIGINT, dispatched_at TIMESTAMP_LTZ(3),
  PRIMARY KEY (market, order_day, order_id) NOT ENFORCED
) PARTITIONED BY (market, order_day) WITH (
  'bucket' = '1', 'merge-engine' = 'partial-update', 'ignore-delete' = 'true', 'write-only' = 'true',
  'fields.updated_at.sequence-group' = 'status',
  'fields.priced_at.sequence-group' = 'price',
  'fields.dispatched_at.sequence-group' = 'driver_id'
)"""


def nothing(kind: str) -> str:
    return f"CAST(NULL AS {kind})"


def order(
    key: int, status: str | None = None, price: str | None = None, driver: int | None = None, minute: int = 0
) -> str:
    """A row of one fact: the columns of the others are NULL, their sequences too."""
    moment = LTZ.format(f"2026-11-22 03:{minute:02}:05.678")
    time = nothing("TIMESTAMP_LTZ(3)")
    return ", ".join(
        [
            f"('hk', DATE '2026-11-22', {key}",
            f"'{status}', {moment}" if status else f"{nothing('STRING')}, {time}",
            f"CAST({price} AS DECIMAL(12, 2)), {moment}" if price else f"{nothing('DECIMAL(12, 2)')}, {time}",
            f"{driver}, {moment})" if driver else f"{nothing('BIGINT')}, {time})",
        ]
    )


@pytest.fixture(scope="module")
def orders(flink: FlinkBatch) -> TableName:
    """A partial-update table of three facts that nothing compacts: every commit is a sorted run of its own."""
    flink.execute(ORDERS.format(NAME))
    commits = [
        [order(1, "created", minute=1), order(2, "created", minute=1), order(3, price="1.5", minute=1)],
        [order(1, price="99999999.99", minute=2), order(2, "completed", minute=9), order(2, driver=7, minute=2)],
        [order(2, "matched", minute=5), order(1, price="3.33", minute=1), order(3, driver=8, minute=3)],
    ]
    for rows in commits:
        flink.execute(f"INSERT INTO dwd.read_orders VALUES {', '.join(rows)}")
    return NAME


def in_flinks_terms(value: object) -> object:
    """A value as the gateway's JSON writes it."""
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
        return text + "Z"
    return value.isoformat() if isinstance(value, date) else value


def ours(stack: Stack, name: TableName, snapshot: int, **options: Any) -> list[list[object]]:
    rows = scan(stack.lake, name, snapshot, **options).read_all().to_pylist()
    return sorted(([in_flinks_terms(value) for value in row.values()] for row in rows), key=str)


def theirs(flink: FlinkBatch, name: TableName, snapshot: int, condition: str = "TRUE") -> list[list[object]]:
    hint = f"/*+ OPTIONS('scan.snapshot-id' = '{snapshot}') */"
    return sorted(flink.execute(f"SELECT * FROM {name} {hint} WHERE {condition}"), key=str)


@pytest.mark.parametrize("snapshot", [1, 2, 3])
def test_every_snapshot_of_an_uncompacted_key_table_is_read_as_flink_reads_it(
    stack: Stack, flink: FlinkBatch, orders: TableName, snapshot: int
) -> None:
    assert ours(stack, orders, snapshot) == theirs(flink, orders, snapshot)


def test_a_superseded_value_does_not_match_a_filter(stack: Stack, flink: FlinkBatch, orders: TableName) -> None:
    created = (Comparison("status", Operator.EQUAL, ("created",)),)
    dear = (Comparison("price", Operator.GREATER, (Decimal("3.33"),)),)
    late = (Comparison("updated_at", Operator.LESS, (datetime(2026, 11, 22, 3, 8, tzinfo=UTC),)),)
    assert ours(stack, orders, 3, where=created) == theirs(flink, orders, 3, "status = 'created'")
    assert ours(stack, orders, 3, where=dear) == theirs(flink, orders, 3, "price > 3.33")
    assert [row[2] for row in ours(stack, orders, 3, where=late)] == [1]


def test_what_the_store_says_is_what_flink_says(stack: Stack, flink: FlinkBatch, orders: TableName) -> None:
    store = FilesystemTableStore(stack.lake)
    snapshot = store.latest_snapshot(orders)
    assert snapshot is not None
    listed = flink.execute(
        "SELECT snapshot_id, schema_id, commit_kind, total_record_count FROM dwd.`read_orders$snapshots`"
    )
    assert sorted(listed)[-1] == [snapshot.id, snapshot.schema_id, snapshot.kind, snapshot.rows]
    table = store.table(orders)
    assert table is not None
    described = flink.execute("DESCRIBE dwd.read_orders")
    assert [[column.name, str(column.type), column.nullable] for column in table.columns] == [
        row[:3] for row in described
    ]


def test_every_type_comes_back_as_it_was_written(stack: Stack, flink: FlinkBatch) -> None:
    flink.execute(
        """CREATE TABLE dwd.read_types (
          b BOOLEAN, ti TINYINT, si SMALLINT, i INT, l BIGINT, f FLOAT, d DOUBLE, small DECIMAL(12, 2),
          wide DECIMAL(38, 18), s STRING, vc VARCHAR(5), bin VARBINARY(4), dy DATE,
          t3 TIMESTAMP(3), t6 TIMESTAMP(6), l3 TIMESTAMP_LTZ(3), l6 TIMESTAMP_LTZ(6),
          a ARRAY<STRING>, m MAP<STRING, INT>, r ROW<x INT, y STRING>)"""
    )
    flink.execute(
        f"""INSERT INTO dwd.read_types VALUES
          (TRUE, CAST(1 AS TINYINT), CAST(2 AS SMALLINT), 3, 4, CAST(1.5 AS FLOAT), CAST(2.25 AS DOUBLE), 1.50,
           CAST('12345678901234567890.123456789012345678' AS DECIMAL(38, 18)), '香港', 'abc', x'0102',
           DATE '2026-11-22', TIMESTAMP '2026-11-22 01:02:03.123', TIMESTAMP '2026-11-22 01:02:03.123456',
           {LTZ.format("2026-11-22 01:02:03.123")}, CAST(TIMESTAMP '2026-11-22 01:02:03.123456' AS TIMESTAMP_LTZ(6)),
           ARRAY['a', 'b'], MAP['k', 1], CAST(ROW(1, 'z') AS ROW<x INT, y STRING>))"""
    )
    (row,) = scan(stack.lake, TableName.parse("dwd.read_types"), 1).read_all().to_pylist()
    moment = datetime(2026, 11, 22, 1, 2, 3, 123456)
    milli = moment.replace(microsecond=123000)
    assert list(row.values()) == [
        True, 1, 2, 3, 4, 1.5, 2.25, Decimal("1.50"), Decimal("12345678901234567890.123456789012345678"),
        "香港", "abc", b"\x01\x02", date(2026, 11, 22), milli, moment, milli.replace(tzinfo=UTC),
        moment.replace(tzinfo=UTC), ["a", "b"], [("k", 1)], {"x": 1, "y": "z"},
    ]  # fmt: skip


def test_snapshots_from_before_a_new_sequence_group_still_open(
    stack: Stack, flink: FlinkBatch, orders: TableName
) -> None:
    name = TableName.parse("dwd.read_grown")
    flink.execute(ORDERS.format(name))
    flink.execute(f"INSERT INTO dwd.read_grown VALUES {order(1, 'created', minute=1)}")
    flink.execute("ALTER TABLE dwd.read_grown ADD (coupon_id BIGINT, redeemed_at TIMESTAMP_LTZ(3))")
    flink.execute("ALTER TABLE dwd.read_grown SET ('fields.redeemed_at.sequence-group' = 'coupon_id')")
    flink.execute(
        f"INSERT INTO dwd.read_grown (market, order_day, order_id, coupon_id, redeemed_at)"
        f" VALUES ('hk', DATE '2026-11-22', 1, 42, {LTZ.format('2026-11-22 04:00:00')})"
    )
    (before,) = scan(stack.lake, name, 1, ["status", "coupon_id"]).read_all().to_pylist()
    (after,) = scan(stack.lake, name, 2, ["status", "coupon_id"]).read_all().to_pylist()
    assert (before, after) == ({"status": "created", "coupon_id": None}, {"status": "created", "coupon_id": 42})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("'merge-engine' = 'first-row'", "its merge engine is first-row"),
        ("'deletion-vectors.enabled' = 'true'", "it keeps deletion vectors"),
        ("'bucket' = '-2'", "its bucket is postponed"),
    ],
)
def test_tables_whose_rows_would_be_missing_are_refused(
    stack: Stack, flink: FlinkBatch, options: str, reason: str
) -> None:
    table = "read_refused_" + "".join(character for character in options if character.isalpha())
    bucket = "" if "bucket" in options else "'bucket' = '1', "
    flink.execute(
        f"CREATE TABLE dwd.{table} (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED)"
        f" WITH ({bucket}'write-only' = 'true', {options})"
    )
    flink.execute(f"INSERT INTO dwd.{table} VALUES (1, 'a')")
    with pytest.raises(HeadwaterError, match=f"cannot be read here, because {reason}"):
        answer(stack.lake, f"SELECT count(*) FROM dwd.{table}")
