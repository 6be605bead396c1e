"""Why a report's partitions were written, what that changed, and which of them a run that only corrects writes."""

import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import orjson
import pyarrow
import pytest

import resources.declarations
from cli.main import main
from headwater.batch import Partition
from headwater.edition import Cause, Change
from headwater.model import Grain, Layer, Model, ReportSchedule, TableName, Warehouse
from headwater.stack import Stack
from resources.editions import Contents, history, newest
from resources.paimon.layout import table_path
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import replace_partitions
from resources.report import run_report
from tests.unit.batch.daily import DAY, MARKETS, ORDER_COLUMNS, ORDERS, REPORT_SQL, Write, report

DAILY = TableName.parse("rpt.daily")
HK, AU, EARLIER = Partition("hk", DAY), Partition("au", DAY), Partition("hk", date(2026, 11, 21))


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.fixture
def orders(stack: Stack, write: Write) -> Stack:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, at(22, 1), Decimal("1.50"), "x"), ("au", 2, at(22, 1), None, "x")])
    return stack


def reasons(stack: Stack, partition: Partition) -> list[tuple[int, str]]:
    """Newest first."""
    editions = history(FilesystemTableStore(stack.lake), DAILY)
    return [(each.snapshot_id, each.written.reason) for each in editions if each.written.partition == partition]


def watermark(stack: Stack, snapshot: int, moment: datetime) -> None:
    file = Path(table_path(stack.lake, ORDERS), "snapshot", f"snapshot-{snapshot}")
    file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "watermark": int(moment.timestamp() * 1000)}))


def test_the_first_edition_says_so_and_later_ones_what_they_changed(orders: Stack, write: Write) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(22, 2), Decimal("2.25"), "x"), ("hk", 4, at(22, 3), None, "x")])
    result = run_report(orders, report(), [HK, AU], markets=MARKETS)
    assert [part.reason for part in result.partitions] == ["asked for: created +2, revenue +2.25", "first"]
    assert reasons(orders, HK) == [(2, "asked for: created +2, revenue +2.25"), (1, "first")]
    assert reasons(orders, AU) == [(2, "first")]


def test_an_edition_names_what_it_was_computed_from(orders: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(22, 2), Decimal("2.25"), "x")])
    result = run_report(orders, report(), [HK], markets=MARKETS, at={ORDERS: 1})
    edition = newest(FilesystemTableStore(orders.lake), DAILY)[HK]
    assert (edition.snapshot_id, edition.run, edition.inputs) == (1, result.run.id, {ORDERS: 1})
    assert (edition.written.rows, edition.written.complete, edition.written.cause) == (1, True, Cause.FIRST)


def test_late_data_makes_a_day_again_and_leaves_the_others_alone(orders: Stack, write: Write) -> None:
    run_report(orders, report(), [HK, AU, EARLIER], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(22, 2), Decimal("2.25"), "x")])
    result = run_report(orders, report(), [HK, AU, EARLIER], markets=MARKETS, only_corrections=True)
    assert [(part.partition, part.reason) for part in result.partitions] == [
        (HK, "late data: created +1, revenue +2.25")
    ]
    assert reasons(orders, AU) == [(1, "first")]
    assert result.rows == 1
    rows = FilesystemTableStore(orders.lake).latest_snapshot(DAILY)
    assert rows is not None
    assert (rows.id, rows.rows) == (2, 2)


def test_a_partition_that_has_not_been_made_is_not_made_by_a_correction(orders: Stack) -> None:
    run_report(orders, report(), [AU], markets=MARKETS)
    result = run_report(orders, report(), [HK], markets=MARKETS, only_corrections=True)
    assert (result.partitions, result.snapshot_id, result.complete) == ((), None, True)
    assert reasons(orders, HK) == []


def test_nothing_is_computed_when_no_input_has_a_new_snapshot(orders: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    monkeypatch.setattr("resources.report._compute", None)
    assert run_report(orders, report(), [HK], markets=MARKETS, only_corrections=True).snapshot_id is None


def test_a_new_snapshot_without_news_of_the_day_leaves_no_edition(orders: Stack, write: Write) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(24, 2), Decimal("2.25"), "x")])
    assert run_report(orders, report(), [HK], markets=MARKETS, only_corrections=True).snapshot_id is None


def test_a_day_that_becomes_complete_is_an_edition_though_no_row_changes(orders: Stack) -> None:
    watermark(orders, 1, at(22, 12))
    run_report(orders, report(), [HK], markets=MARKETS)
    watermark(orders, 1, at(22, 17))
    result = run_report(orders, report(), [HK], markets=MARKETS, only_corrections=True)
    assert [(part.complete, part.reason) for part in result.partitions] == [(True, "completed: nothing changed")]
    assert run_report(orders, report(), [HK], markets=MARKETS, only_corrections=True).snapshot_id is None


def test_an_input_that_was_set_back_does_not_take_back_a_complete_day(orders: Stack, write: Write) -> None:
    run_report(orders, report(), [HK, AU], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(22, 2), Decimal("2.25"), "x")])
    watermark(orders, 2, at(22, 12))
    assert run_report(orders, report(), [HK, AU], markets=MARKETS, only_corrections=True).snapshot_id is None
    watermark(orders, 2, at(22, 16))
    result = run_report(orders, report(), [HK, AU], markets=MARKETS, only_corrections=True)
    assert [(part.partition, part.reason) for part in result.partitions] == [
        (HK, "late data: created +1, revenue +2.25")
    ]


def test_another_declaration_is_not_called_late_data(orders: Stack) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    doubled = report(REPORT_SQL.replace("COUNT(*)", "COUNT(*) * 2"))
    result = run_report(orders, doubled, [HK], markets=MARKETS, only_corrections=True)
    assert [part.reason for part in result.partitions] == ["declaration changed: created +1"]


def test_a_day_of_which_nothing_is_left_is_corrected_to_no_rows(orders: Stack) -> None:
    run_report(orders, report(), [HK, AU], markets=MARKETS)
    only_au = report(REPORT_SQL.replace("o.market = d.market", "o.market = d.market AND o.market = 'au'"))
    result = run_report(orders, only_au, [HK, AU], markets=MARKETS, only_corrections=True)
    assert [part.reason for part in result.partitions] == ["declaration changed: created -1, revenue -1.50, rows -1"]


def test_rows_whose_edition_has_expired_were_made_before(orders: Stack) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    run_report(orders, report(), [AU], markets=MARKETS)
    Path(table_path(orders.lake, DAILY), "snapshot", "snapshot-1").unlink()
    result = run_report(orders, report(), [HK, AU, EARLIER], markets=MARKETS)
    assert [part.reason for part in result.partitions] == [
        "asked for: nothing changed",
        "asked for: nothing changed",
        "first",
    ]


def test_a_commit_that_no_run_made_is_no_edition(orders: Stack) -> None:
    run_report(orders, report(), [HK], markets=MARKETS)
    store = FilesystemTableStore(orders.lake)
    schema = pyarrow.schema([("market", pyarrow.string()), ("local_date", pyarrow.date32())])
    replace_partitions(orders.lake, DAILY, schema.empty_table(), ("market", "local_date"), [HK], {})
    assert reasons(orders, HK) == [(1, "first")]
    assert list(history(store, DAILY, up_to=1)) == list(history(store, DAILY))


def contents(*rows: tuple[str, int | None, float | None, str]) -> Contents:
    names = ("market", "local_date", "orders", "share", "label")
    kinds = (pyarrow.string(), pyarrow.date32(), pyarrow.int64(), pyarrow.float64(), pyarrow.string())
    values = [(market, DAY, count, share, label) for market, count, share, label in rows]
    fields = [pyarrow.field(name, kind) for name, kind in zip(names, kinds, strict=True)]
    arrays = [pyarrow.array([row[i] for row in values], kind) for i, kind in enumerate(kinds)]
    return Contents(Grain.DAY, pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields)))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ([("hk", 1, 0.5, "a"), ("hk", 2, None, "b")], [("hk", 2, None, "b"), ("hk", 1, 0.5, "a")], "nothing changed"),
        ([("hk", 1, 0.3, "a")], [("hk", 1, 0.1 + 0.2, "a")], "nothing changed"),
        ([("hk", 1, 0.3, "a")], [("hk", 1, 0.31, "a")], "values changed"),
        ([("hk", 1, 0.3, "a")], [("hk", 1, None, "a")], "values changed"),
        ([("hk", 1, 0.3, "a")], [("hk", 1, 0.3, "b")], "values changed"),
        ([("hk", 1, 0.3, "a")] * 2, [("hk", 1, 0.3, "a")], "orders -1, rows -1"),
        ([("hk", None, 0.3, "a")], [("hk", 1200, 0.3, "a")], "orders +1,200"),
        ([("au", 9, 0.3, "a")], [("hk", 1, 0.3, "a")], "orders +1, rows +1"),
    ],
)
def test_a_change_is_told_in_sums_and_rows(before: list, after: list, change: str) -> None:
    assert str(contents(*after).change_since(contents(*before), HK)) == change


def test_a_change_knows_that_nothing_changed() -> None:
    assert contents().change_since(contents(), HK) == Change(same=True)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["headwater", *arguments])
    try:
        main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0


@pytest.fixture
def declared(orders: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    streaming = Model(TableName(Layer.DWD, "orders"), orders.warehouse, "", "", (), flows=())
    schedule = ReportSchedule(time(1, 30), "2026-11-21", reopen=timedelta(days=100_000))
    declared = Warehouse(orders.warehouse, (streaming, replace(report(), schedule=schedule)), MARKETS)
    monkeypatch.setattr(resources.declarations, "warehouse", lambda _: declared)
    return orders


def test_the_history_of_a_day_is_shown_newest_first(
    declared: Stack, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_report(declared, report(), [HK, EARLIER, AU], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(22, 2), Decimal("2.25"), "x")])
    run_report(declared, report(), [HK, AU], markets=MARKETS, only_corrections=True)
    arguments = ("history", "rpt.daily", "--market", "hk", "--date", "2026-11-22")
    assert run(monkeypatch, *arguments, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    found = [(each["snapshot"], each["reason"], each["inputs"]) for each in document["editions"]]
    assert found == [
        (2, "late data: created +1, revenue +2.25", {"dwd.orders": 2}),
        (1, "first", {"dwd.orders": 1}),
    ]
    assert document["editions"][0]["change"] == {"rows": 0, "totals": {"created": "1", "revenue": "2.25"}}
    assert run(monkeypatch, *arguments) == 0
    assert "late data: created +1, revenue +2.25" in capsys.readouterr().out
    assert run(monkeypatch, "history", "rpt.daily", "--date", "2026-11", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["editions"]) == 4


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("rpt.nope",), 1, "There is no model rpt.nope\n  left:  the reports are rpt.daily"),
        (("dwd.orders",), 1, "dwd.orders is not a report"),
        (("rpt.daily", "--date", "yesterday"), 2, "«yesterday» is neither a date, as in 2026-11-22, nor a month"),
    ],
)
def test_what_has_no_history_is_told(
    declared: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    assert run(monkeypatch, "history", *arguments) == status
    assert message in capsys.readouterr().err


def test_a_month_is_asked_for_by_its_first_day(orders: Stack) -> None:
    with pytest.raises(Exception, match=r"rpt\.daily is made by days, and hk/2026-11 is none"):
        run_report(orders, report(), [Partition("hk", date(2026, 11, 1), Grain.MONTH)], markets=MARKETS)
    columns = replace(report(), partition_by=("market", "local_month"))
    with pytest.raises(Exception, match="is made by months, and hk/2026-11 is none"):
        run_report(orders, columns, [Partition("hk", DAY, Grain.MONTH)], markets=MARKETS)


def test_reopen_corrects_what_late_data_changed_and_says_so(
    declared: Stack, write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every day since the first, 21 November, as far as they have been made."""
    run_report(declared, report(), [HK, EARLIER, AU], markets=MARKETS)
    write("dwd.orders", ORDER_COLUMNS, [("hk", 3, at(22, 2), Decimal("2.25"), "x"), ("au", 4, at(22, 2), None, "x")])
    assert run(monkeypatch, "reopen", "rpt.daily", "--market", "hk", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["reports"]
    assert (found["report"], found["snapshot"]) == ("rpt.daily", 2)
    assert [(each["period"], each["reason"]) for each in found["corrected"]] == [
        ("2026-11-22", "late data: created +1, revenue +2.25")
    ]
    assert run(monkeypatch, "reopen") == 0
    assert "1 corrected, snapshot 3\n  au/2026-11-22: late data: created +1\n" in capsys.readouterr().out
    assert run(monkeypatch, "reopen") == 0
    assert "nothing to correct" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("dwd.orders",), 1, "dwd.orders is no report that declares schedule: {reopen: …}\n  left:  those that do are"),
        (("--market", "xx"), 2, "there is no market xx"),
    ],
)
def test_what_cannot_be_reopened_is_told(
    declared: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    assert run(monkeypatch, "reopen", *arguments) == status
    assert message in capsys.readouterr().err
