"""Snapshots and reports on real engines."""

from datetime import date

import dagster as dg

from assets.naming import table_key
from resources.paimon.store import FilesystemTableStore
from tests.integration.dagster.desk import Desk, metadata
from tests.integration.waiting import eventually

# Midnight of 3 February is 2 February 16:00 UTC in Hong Kong and 18:30 UTC in Kolkata.
SALES = [
    (1, "hk", 10, "2026-02-01T03:00:00.000Z"),
    (2, "hk", 20, "2026-02-02T15:59:59.000Z"),
    (3, "hk", 30, "2026-02-02T16:00:00.000Z"),
    (4, "in", 40, "2026-02-02T18:29:59.000Z"),
    (5, "in", 50, "2026-02-02T18:30:00.000Z"),
]


def snapshot_id(desk: Desk) -> int:
    snapshot = FilesystemTableStore(desk.house.stack.lake).latest_snapshot(desk.table)
    return snapshot.id if snapshot else 0


def await_sales(desk: Desk, ids: list[int]) -> None:
    desk.house.await_values("dwd.sales#", ("id",), [(number,) for number in ids])


def test_a_new_snapshot_is_one_materialization(desk: Desk) -> None:
    desk.run_job()
    desk.sell(SALES[:2])
    await_sales(desk, [1, 2])
    events, cursor = desk.tick("snapshots", None)
    (event,) = [event for event in events if event.asset_key == table_key(desk.table)]
    assert isinstance(event, dg.AssetMaterialization)
    assert event.metadata["paimon/snapshot_id"].value == desk.seen(cursor, desk.table) > 0
    schema = event.metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert [column.name for column in schema.columns] == ["id", "market", "amount", "sold_at"]
    sales = table_key(desk.house.table("ods.sales#"))
    assert event.metadata["dagster/column_lineage"].value == dg.TableColumnLineage(
        {column.name: [dg.TableColumnDep(sales, column.name)] for column in schema.columns}
    )

    desk.sell(SALES[2:])
    await_sales(desk, [1, 2, 3, 4, 5])
    desk.house.stop("dwd.sales#")
    events, later = desk.tick("snapshots", desk.an_hour_later(cursor))
    assert len([event for event in events if event.asset_key == table_key(desk.table)]) == 1
    assert desk.seen(later, desk.table) == snapshot_id(desk) > desk.seen(cursor, desk.table)
    assert desk.tick("snapshots", later)[0] == []


def test_a_report_partition_names_the_snapshot_it_was_made_from(desk: Desk) -> None:
    desk.run_job()
    desk.sell(SALES)
    await_sales(desk, [1, 2, 3, 4, 5])
    desk.house.stop("dwd.sales#")
    (told,) = metadata(desk.run_report("2026-02-02|hk", "2026-02-02|hk")).values()
    assert told[f"headwater/input/{desk.table}"] == snapshot_id(desk)
    assert told["paimon/snapshot_id"] == 1
    assert told["dagster/partition_row_count"] == 1
    amount = [dg.TableColumnDep(table_key(desk.table), "amount")]
    assert told["dagster/column_lineage"].deps_by_column == {
        "market": [],
        "local_date": [],
        "sales": [],
        "amount": amount,
    }
    assert desk.house.rows("rpt.daily_sales#") == [
        {"market": "hk", "local_date": date(2026, 2, 2), "sales": 1, "amount": 20}
    ]


def test_a_backfill_of_three_days_and_two_markets_computes_each_in_its_own_zone(desk: Desk) -> None:
    desk.run_job()
    desk.sell(SALES)
    await_sales(desk, [1, 2, 3, 4, 5])
    for market in ("hk", "in"):
        told = metadata(desk.run_report(f"2026-02-01|{market}", f"2026-02-03|{market}"))
        assert set(told) == {f"2026-02-0{day}|{market}" for day in (1, 2, 3)}
    assert [(row["market"], row["local_date"].day, row["amount"]) for row in desk.house.rows("rpt.daily_sales#")] == [
        ("hk", 1, 10),
        ("hk", 2, 20),
        ("hk", 3, 30),
        ("in", 2, 40),
        ("in", 3, 50),
    ]


def test_computing_a_partition_again_changes_nothing(desk: Desk) -> None:
    desk.run_job()
    desk.sell(SALES)
    await_sales(desk, [1, 2, 3, 4, 5])
    desk.run_report("2026-02-01|hk", "2026-02-03|hk")
    before = desk.house.rows("rpt.daily_sales#")
    desk.run_report("2026-02-02|hk", "2026-02-02|hk")
    eventually(lambda: desk.house.rows("rpt.daily_sales#") == before, "the same rows")
