import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

import resources.declarations
import resources.report
from cli.main import main
from headwater.batch import Partition, ReportResult
from headwater.model import Layer, Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon.store import FilesystemTableStore
from tests.unit.batch.daily import MARKETS, ORDER_COLUMNS, Write, report

DAILY = TableName.parse("rpt.daily")


@pytest.fixture
def orders(stack: Stack, write: Write, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Ten days of one order a day at noon UTC, in Hong Kong."""
    rows = [("hk", day, datetime(2026, 11, day, 12, tzinfo=UTC), Decimal(day), "x") for day in range(1, 11)]
    write("dwd.orders", ORDER_COLUMNS, rows)
    streaming = Model(TableName(Layer.DWD, "orders"), stack.warehouse, "", "", (), flows=())
    declared = Warehouse(stack.warehouse, (streaming, report()), MARKETS)
    monkeypatch.setattr(resources.declarations, "warehouse", lambda _: declared)
    return stack


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["headwater", "backfill", *arguments])
    try:
        main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def test_days_are_written_seven_at_a_time_in_one_commit_each(
    orders: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("rpt.daily", "--from", "2026-11-01", "--to", "2026-11-10", "--market", "hk", "--json")
    assert run(monkeypatch, *arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(batch["snapshot"], batch["rows"]) for batch in document["batches"]] == [(1, 7), (2, 3)]
    assert document["batches"][1]["partitions"][0] == {
        "market": "hk",
        "local_date": "2026-11-08",
        "rows": 1,
        "complete": True,
    }
    assert document["batches"][0]["inputs"] == {"dwd.orders": 1}
    snapshot = FilesystemTableStore(orders.lake).latest_snapshot(DAILY)
    assert snapshot is not None
    assert (snapshot.id, snapshot.rows) == (2, 10)


def test_every_market_is_computed_unless_some_are_named(
    orders: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "rpt.daily", "--from", "2026-11-03", "--to", "2026-11-03") == 0
    assert (
        "2026-11-03 to 2026-11-03: 2 partitions, 1 rows, snapshot 1 (from dwd.orders at 1)" in capsys.readouterr().out
    )


def test_days_that_are_not_over_are_named(
    orders: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "rpt.daily", "--from", "2999-01-01", "--to", "2999-01-01", "--market", "hk") == 0
    assert "not complete yet: hk/2999-01-01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("dwd.orders", "--from", "2026-11-01", "--to", "2026-11-02"), 1, "dwd.orders is not a report: its Flink job"),
        (("rpt.nope", "--from", "2026-11-01", "--to", "2026-11-02"), 1, "the tables are rpt.daily"),
        (("daily", "--from", "2026-11-01", "--to", "2026-11-02"), 2, "not of the form layer.table"),
        (("rpt.daily", "--from", "2026-11-02", "--to", "2026-11-01"), 2, "--to 2026-11-01 is before --from 2026-11-02"),
        (
            ("rpt.daily", "--from", "2026-11-02", "--to", "2026-11-02", "--market", "xx"),
            2,
            "no market xx; there are hk, au",
        ),
        (("rpt.daily", "--from", "yesterday", "--to", "2026-11-01"), 2, "yesterday"),
    ],
)
def test_what_is_wrong_is_said(
    orders: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    message: str,
) -> None:
    assert run(monkeypatch, *arguments) == status
    assert message in capsys.readouterr().err


def interrupted_by(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> list[Partition]:
    """Make the second batch end with this error; give what was asked for."""
    asked: list[Partition] = []
    real = resources.report.run_report

    def run_report(*arguments: object, **options: object) -> ReportResult:
        if asked:
            raise error
        asked.extend(arguments[2])  # type: ignore[arg-type]
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(resources.report, "run_report", run_report)
    return asked


def test_ctrl_c_says_what_is_done_and_how_to_go_on(
    orders: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = interrupted_by(KeyboardInterrupt(), monkeypatch)
    status = run(monkeypatch, "rpt.daily", "--from", "2026-11-01", "--to", "2026-11-10", "--market", "hk")
    assert status == 130
    assert asked[-1] == Partition("hk", date(2026, 11, 7))
    message = capsys.readouterr().err
    assert "Stopped; written: every day before 2026-11-08." in message
    assert "headwater backfill rpt.daily --from 2026-11-08 --to 2026-11-10 --market hk" in message


def test_a_failure_says_what_is_done_and_how_to_go_on(
    orders: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted_by(HeadwaterError("It broke", next_command="mend it"), monkeypatch)
    assert run(monkeypatch, "rpt.daily", "--from", "2026-11-01", "--to", "2026-11-10") == 1
    message = capsys.readouterr().err
    assert "It broke\n  left:  written: every day before 2026-11-08" in message
    assert "mend it; then headwater backfill rpt.daily --from 2026-11-08 --to 2026-11-10" in message
