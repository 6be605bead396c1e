"""Checks of a key table go by the changelog that Flink writes: what they count is what a whole read counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.checks.kinds import Accepted, Check, NotNull, Range, Relation, SqlCheck, Unique
from headwater.checks.outcome import Outcome
from headwater.model import Column, Model, TableName, Warehouse
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.checks.examine import examine
from resources.paimon.changes import in_step
from resources.paimon.store import FilesystemTableStore
from tests.integration.paimon.flinkbatch import FlinkBatch

NAME = TableName.parse("dwd.checked_orders")
DRIVERS = TableName.parse("dwd.checked_drivers")
TABLES = (
    f"""CREATE TABLE {NAME} (
  market STRING, order_id BIGINT, status STRING, price INT, driver_id BIGINT, ticket STRING,
  PRIMARY KEY (market, order_id) NOT ENFORCED
) PARTITIONED BY (market) WITH ('bucket' = '1', 'merge-engine' = 'deduplicate', 'changelog-producer' = 'lookup')""",
    f"""CREATE TABLE {DRIVERS} (driver_id BIGINT, PRIMARY KEY (driver_id) NOT ENFORCED)
WITH ('bucket' = '1', 'changelog-producer' = 'lookup')""",
)
MODEL = Model(
    name=NAME,
    file=Path("dwd/checked_orders/table.yaml"),
    description="",
    owner="",
    columns=tuple(Column(name, SqlType("STRING")) for name in ("market", "order_id", "status", "price")),
    key=("market", "order_id"),
    checks=(
        Check(NotNull(("status",))),
        Check(Accepted("status", ("created", "sold"))),
        Check(Range("price", "0", "100")),
        Check(Unique(("ticket",))),
        Check(Relation(("driver_id",), DRIVERS, ("driver_id",))),
        Check(SqlCheck("dear", Path("dear.sql"), f"SELECT order_id FROM {NAME} WHERE price > 50", row_by_row=True)),
    ),
)
ROWS = [f"('hk', {number}, 'created', {number}, {number % 3}, 't{number}')" for number in range(1, 41)]
EDITS = [
    # A new row that offends in all, one that becomes wrong, and one whose price changes and changes nothing.
    "INSERT INTO {} VALUES ('us', 1, CAST(NULL AS STRING), -1, 77, 't1'), ('hk', 2, 'lost', 2, 2, 't2'),"
    " ('hk', 3, 'created', 60, 0, 't3')",
    # What was wrong is mended in part, and is wrong in another way.
    "INSERT INTO {} VALUES ('us', 1, 'sold', 500, 1, 't1'), ('hk', 2, 'created', 2, 2, 't2')",
    # There and back again, within two commits.
    "INSERT INTO {} VALUES ('hk', 4, 'odd', -4, 99, 't5')",
    "INSERT INTO {} VALUES ('hk', 4, 'created', 4, 1, 't4')",
    "DELETE FROM {} WHERE market = 'us' AND order_id = 1",
]


@pytest.fixture(scope="module")
def orders(flink: FlinkBatch) -> TableName:
    for statement in TABLES:
        flink.execute(statement)
    flink.execute(f"INSERT INTO {DRIVERS} VALUES (0), (1), (2)")
    flink.execute(f"INSERT INTO {NAME} VALUES {', '.join(ROWS)}")
    return NAME


def outcomes(stack: Stack, *, whole: bool = False) -> dict[str, Outcome]:
    home = stack.home / "whole" if whole else stack.home
    aside = replace(stack, home=home)
    if whole and not home.exists():
        home.mkdir()
        (home / "lake").symlink_to(stack.lake)
    examined = examine(aside, Warehouse(Path("warehouse"), (MODEL,)), MODEL, whole=whole)
    assert [str(error) for _, error in examined.failures] == []
    return {outcome.check.name: outcome for outcome in examined.outcomes}


def test_every_look_counts_what_a_whole_read_counts(stack: Stack, flink: FlinkBatch, orders: TableName) -> None:
    first = outcomes(stack)
    assert {name: found.failing for name, found in first.items() if found.failing} == {}
    told = []
    for edits in (EDITS[:1], EDITS[1:2], EDITS[2:4], EDITS[4:]):
        for statement in edits:
            flink.execute(statement.format(orders))
        found, whole = outcomes(stack), outcomes(stack, whole=True)
        assert {name: each.failing for name, each in found.items()} == {
            name: each.failing for name, each in whole.items()
        }
        by_row = [found[name] for name in ("not_null_status", "accepted_status", "range_price", "dear")]
        assert all(each.since is not None and each.read < 10 < len(ROWS) <= whole["dear"].read for each in by_row)
        told.append({name: each.failing for name, each in found.items() if each.failing})
    assert told == [
        {
            "not_null_status": 1,
            "accepted_status": 1,
            "range_price": 1,
            "unique_ticket": 1,
            "relation_driver_id": 1,
            "dear": 1,
        },
        {"range_price": 1, "unique_ticket": 1, "dear": 2},
        {"range_price": 1, "unique_ticket": 1, "dear": 2},
        {"dear": 1},
    ]


def test_a_driver_that_goes_is_noticed_although_no_order_changed(
    stack: Stack, flink: FlinkBatch, orders: TableName
) -> None:
    outcomes(stack)
    flink.execute(f"DELETE FROM {DRIVERS} WHERE driver_id = 2")
    found = outcomes(stack)["relation_driver_id"]
    assert (found.failing, found.sample) == (1, ({"driver_id": "2"},))
    assert found.said == f"read whole: {DRIVERS}: rows of it went"
    flink.execute(f"INSERT INTO {DRIVERS} VALUES (2)")
    assert outcomes(stack)["relation_driver_id"].passed


def test_a_partition_that_was_dropped_makes_the_table_read_whole(
    stack: Stack, flink: FlinkBatch, orders: TableName
) -> None:
    flink.execute(f"INSERT INTO {orders} VALUES ('in', 1, 'lost', 1, 1, 'u1')")
    assert outcomes(stack)["accepted_status"].failing == 1
    flink.execute(f"DELETE FROM {orders} WHERE market = 'in'")  # Flink drops the partition: kind OVERWRITE
    found = outcomes(stack)["accepted_status"]
    assert (found.failing, found.since) == (0, None)
    assert found.said == f"read whole: snapshot {found.snapshot} replaced rows"


def test_a_look_goes_up_to_where_the_changelog_is_in_step(stack: Stack, flink: FlinkBatch, orders: TableName) -> None:
    flink.execute(f"INSERT INTO {orders} VALUES ('hk', 90, 'sold', 1, 1, 'u2')")
    store = FilesystemTableStore(stack.lake)
    table = store.table(orders)
    assert table is not None
    newest = in_step(store, table)
    assert newest is not None
    assert newest.kind == "COMPACT"
    # As between the two commits of a checkpoint: the compaction of the newest rows has not been committed yet.
    folder = stack.lake / "dwd.db" / orders.table / "snapshot"
    compacted = folder / f"snapshot-{newest.id}"
    hidden = compacted.rename(folder / "hidden")
    try:
        ahead = store.latest_snapshot(orders)
        before = in_step(store, table)
        assert ahead is not None
        assert before is not None
        assert (ahead.kind, before.id) == ("APPEND", ahead.id - 1)
    finally:
        hidden.rename(compacted)


def test_a_table_without_a_changelog_is_read_whole(stack: Stack, flink: FlinkBatch) -> None:
    name = TableName.parse("dwd.checked_silently")
    flink.execute(f"CREATE TABLE {name} (id BIGINT, price INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket' = '1')")
    model = replace(MODEL, name=name, key=("id",), checks=(Check(Range("price", "0", None)),))
    for number, failing in ((1, 1), (2, 2)):
        flink.execute(f"INSERT INTO {name} VALUES ({number}, -1)")
        (found,) = examine(stack, Warehouse(Path("warehouse"), (model,)), model).outcomes
        assert (found.failing, found.since) == (failing, None)
    assert found.said == "read whole: the table keeps no changelog"
