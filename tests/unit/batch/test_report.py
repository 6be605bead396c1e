import multiprocessing
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from headwater.batch import Partition
from headwater.engines import Snapshot
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon import tags
from resources.paimon.layout import table_path
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import writing
from resources.report import run_report
from tests.unit.batch.daily import DAY, MARKETS, ORDER_COLUMNS, ORDERS, REPORT_SQL, Write, report

DAILY = TableName.parse("rpt.daily")
HK, AU = Partition("hk", DAY), Partition("au", DAY)
NEXT = Partition("au", date(2026, 11, 23))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def orders(stack: Stack, write: Write) -> Stack:
    """Sydney's day begins at 13:00 UTC the day before, Hong Kong's at 16:00."""
    rows = [
        ("hk", 1, at(21, 16), Decimal("1.50"), "x"),
        ("hk", 2, at(22, 15, 59), Decimal("2.25"), "x"),
        ("hk", 3, at(22, 16), Decimal(100), "x"),
        ("au", 4, at(21, 13), None, "x"),
        ("au", 5, at(22, 13), Decimal(7), "x"),
    ]
    write("dwd.orders", ORDER_COLUMNS, rows)
    return stack


def newest(stack: Stack) -> Snapshot:
    snapshot = FilesystemTableStore(stack.lake).latest_snapshot(DAILY)
    assert snapshot is not None
    return snapshot


def written(stack: Stack) -> list[tuple]:
    rows = scan(stack.lake, DAILY, newest(stack).id).read_all().to_pylist()
    return sorted((row["market"], row["local_date"].day, row["created"], row["revenue"]) for row in rows)


def test_each_partition_holds_its_own_local_day(orders: Stack) -> None:
    result = run_report(orders, report(), [HK, AU, NEXT], markets=MARKETS)
    assert written(orders) == [("au", 22, 1, None), ("au", 23, 1, Decimal("7.00")), ("hk", 22, 2, Decimal("3.75"))]
    assert [(part.partition, part.rows) for part in result.partitions] == [(HK, 1), (AU, 1), (NEXT, 1)]
    assert (result.partitions[0].starts_at, result.partitions[0].ends_at) == (at(21, 16), at(22, 16))
    assert result.snapshot_id == newest(orders).id == 1


def test_running_again_gives_the_same_rows_in_one_commit_each(orders: Stack) -> None:
    for expected in (1, 2, 3):
        result = run_report(orders, report(), [HK, AU], markets=MARKETS)
        assert result.snapshot_id == expected
        assert written(orders) == [("au", 22, 1, None), ("hk", 22, 2, Decimal("3.75"))]


def test_other_partitions_stay_as_they_are(orders: Stack, write: Write) -> None:
    run_report(orders, report(), [HK, AU], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 6, at(22, 1), Decimal(1), "x"), ("au", 7, at(22, 1), Decimal(1), "x")])
    run_report(orders, report(), [HK], markets=MARKETS)
    assert written(orders) == [("au", 22, 1, None), ("hk", 22, 3, Decimal("4.75"))]


def test_a_partition_without_rows_becomes_empty_beside_one_with_rows(orders: Stack) -> None:
    run_report(orders, report(), [HK, AU], markets=MARKETS)
    only_hk = report(REPORT_SQL.replace("o.market = d.market", "o.market = d.market AND o.market = 'hk'"))
    result = run_report(orders, only_hk, [HK, AU], markets=MARKETS)
    assert written(orders) == [("hk", 22, 2, Decimal("3.75"))]
    assert [part.rows for part in result.partitions] == [1, 0]
    assert newest(orders).id == 2


def test_a_run_without_any_row_commits_all_the_same(orders: Stack) -> None:
    nothing = report(REPORT_SQL.replace("o.market = d.market", "o.market = d.market AND o.market = 'nowhere'"))
    assert run_report(orders, nothing, [HK], markets=MARKETS).snapshot_id == 1
    run_report(orders, report(), [HK], markets=MARKETS)
    assert run_report(orders, nothing, [HK], markets=MARKETS).rows == 0
    assert written(orders) == []


def test_a_chosen_snapshot_is_read_and_recorded(orders: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 6, at(22, 1), Decimal(1), "x")])
    result = run_report(orders, report(), [HK], markets=MARKETS, at={ORDERS: 1})
    assert written(orders) == [("hk", 22, 2, Decimal("3.75"))]
    assert [(str(pinned.table), pinned.snapshot.id) for pinned in result.run.inputs] == [("dwd.orders", 1)]
    file = Path(table_path(orders.lake, DAILY), "snapshot", "snapshot-1")
    kept = orjson.loads(file.read_bytes())["properties"]
    assert (kept["headwater.run"], kept["headwater.inputs"]) == (result.run.id, "dwd.orders=1")
    assert run_report(orders, report(), [HK], markets=MARKETS).rows == 1
    assert written(orders) == [("hk", 22, 3, Decimal("4.75"))]


def test_inputs_are_tagged_while_the_run_reads_them(orders: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    import resources.report

    during: list[list[str]] = []

    def watched(*arguments: object) -> object:
        during.append(list(tags.names(orders.lake, ORDERS)))
        return conform(*arguments)  # type: ignore[arg-type]

    conform = resources.report.conform
    monkeypatch.setattr(resources.report, "conform", watched)
    result = run_report(orders, report(), [HK], markets=MARKETS)
    assert during == [[f"headwater-rpt.daily-{result.run.id}"]]
    assert tags.names(orders.lake, ORDERS) == ()


def test_only_rows_of_the_days_are_read(orders: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    import resources.report

    pinned: list[resources.report.PinnedTable] = []

    class Watched(resources.report.PinnedTable):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            pinned.append(self)

    monkeypatch.setattr(resources.report, "PinnedTable", Watched)
    run_report(orders, report(), [HK], markets=MARKETS)
    assert [table.reader().read_all().num_rows for table in pinned] == [2]
    assert pinned[0].schema().names == ["market", "created_at", "price"]


@pytest.mark.parametrize(
    ("watermark", "complete"),
    [(None, True), (at(22, 16), True), (datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC), False)],
)
def test_a_day_is_complete_once_the_inputs_have_passed_its_end(
    orders: Stack, watermark: datetime | None, complete: bool
) -> None:
    file = Path(table_path(orders.lake, ORDERS), "snapshot", "snapshot-1")
    milliseconds = -(2**63) if watermark is None else int(watermark.timestamp() * 1000)
    file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "watermark": milliseconds}))
    result = run_report(orders, report(), [HK], markets=MARKETS)
    assert [part.complete for part in result.partitions] == [complete]


def test_a_day_that_is_not_over_is_computed_and_said_to_be_incomplete(orders: Stack) -> None:
    tomorrow = Partition("hk", date(2999, 1, 1))
    result = run_report(orders, report(), [HK, tomorrow], markets=MARKETS)
    assert [part.complete for part in result.partitions] == [True, False]
    assert not result.complete


def test_the_table_is_made_with_exactly_the_declared_types(orders: Stack) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    table = FilesystemTableStore(orders.lake).table(DAILY)
    assert table is not None
    assert [(c.name, str(c.type), c.nullable) for c in table.columns] == [
        ("market", "STRING", False),
        ("local_date", "DATE", False),
        ("created", "BIGINT", False),
        ("revenue", "DECIMAL(20, 2)", True),
    ]
    assert (table.partition_by, table.key, table.options["bucket"]) == (("market", "local_date"), (), "-1")


@pytest.mark.parametrize(
    ("sql", "columns", "message"),
    [
        (REPORT_SQL, {"revenue": "BIGINT"}, "revenue: the SELECT gives decimal128(38, 2), declared is int64"),
        (REPORT_SQL, {"created": "STRING"}, "created: the SELECT gives int64, declared is string"),
        (REPORT_SQL, {"more": "STRING"}, "more: declared, but the SELECT does not give it"),
        (REPORT_SQL.replace("COUNT(*) AS", "1 AS extra, COUNT(*) AS"), {}, "extra: the SELECT gives it, but it is not"),
        (REPORT_SQL.replace("COUNT(*)", "NULLIF(COUNT(*), 2)"), {}, "created: 1 rows have NULL, and it must not"),
    ],
)
def test_columns_that_do_not_fit_are_listed_and_nothing_is_written(
    orders: Stack, sql: str, columns: dict[str, str], message: str
) -> None:
    with pytest.raises(HeadwaterError) as caught:
        run_report(orders, report(sql, **columns), [HK], markets=MARKETS)
    assert message in caught.value.failed
    assert caught.value.left == "nothing was written"
    assert FilesystemTableStore(orders.lake).latest_snapshot(DAILY) is None
    assert tags.names(orders.lake, ORDERS) == ()


def test_a_value_that_is_too_large_for_its_column_is_an_error(orders: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 9, at(22, 1), Decimal("9999999999.99"), "x")])
    with pytest.raises(HeadwaterError, match="revenue:"):
        run_report(orders, report(revenue="DECIMAL(11, 2)"), [HK], markets=MARKETS)


def test_rows_of_other_partitions_are_refused(orders: Stack) -> None:
    stray = report(REPORT_SQL.replace("d.local_date, COUNT", "DATE '2020-01-01' AS local_date, COUNT"))
    with pytest.raises(HeadwaterError, match="rows for hk/2020-01-01, which is not among the partitions"):
        run_report(orders, stray, [HK], markets=MARKETS)


def test_a_table_of_another_shape_is_refused(orders: Stack) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    with pytest.raises(HeadwaterError, match=r"revenue: declared DECIMAL\(30, 2\), on disk DECIMAL\(20, 2\)"):
        run_report(orders, report(revenue="DECIMAL(30, 2)"), [HK], markets=MARKETS)


def test_what_a_run_needs_is_asked_for_by_name(orders: Stack, write: Write) -> None:
    with pytest.raises(HeadwaterError, match="There is no market xx; there are hk, au"):
        run_report(orders, report(), [Partition("xx", DAY)], markets=MARKETS)
    with pytest.raises(HeadwaterError, match=r"rpt.daily does not read dwd.other"):
        run_report(orders, report(), [HK], markets=MARKETS, at={TableName.parse("dwd.other"): 1})
    with pytest.raises(HeadwaterError, match=r"Snapshot 9 of dwd.orders does not exist"):
        run_report(orders, report(), [HK], markets=MARKETS, at={ORDERS: 9})
    with pytest.raises(HeadwaterError, match=r"No partition of rpt.daily was asked for"):
        run_report(orders, report(), [], markets=MARKETS)


def test_an_input_without_commits_is_named(stack: Stack) -> None:
    with pytest.raises(HeadwaterError, match=r"rpt.daily reads dwd.orders, which has no snapshot yet"):
        run_report(stack, report(), [HK], markets=MARKETS)


def _hold(home: Path, ready: object, release: object) -> None:
    with writing(home, DAILY, 0):
        ready.set()  # type: ignore[attr-defined]
        release.wait(60)  # type: ignore[attr-defined]


def test_another_run_that_writes_the_table_is_named(orders: Stack) -> None:
    context = multiprocessing.get_context("fork")
    ready, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(orders.home, ready, release))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(HeadwaterError, match=rf"Another run \(pid {other.pid}\) is writing rpt.daily"):
            run_report(orders, report(), [HK], markets=MARKETS, patience=0.1)
    finally:
        release.set()
        other.join(60)
    assert other.pid != os.getpid()
    assert run_report(orders, report(), [HK], markets=MARKETS, patience=10).rows == 1
