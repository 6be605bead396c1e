"""What `headwater cost` and `headwater maintain` print."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import cost, maintain
from headwater.cost.bill import Bill, Overhead, Usage
from headwater.cost.prices import Prices
from headwater.cost.share import Pace
from headwater.footprint import Footprint
from headwater.model import TableName, Warehouse
from headwater.upkeep.duty import Duty, Outcome

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ORDERS = TableName.parse("dwd.orders")
FILES = Footprint(7, 20, ("t",), files=30, bytes=3 * 10**9, live_files=10, live_bytes=10**9, buckets=())


def a_bill(prices: Prices | None) -> Bill:
    usage = Usage(ORDERS, Pace(0.25, AT - timedelta(minutes=3), 45.0), 1000, 2 * 10**6, FILES)
    return Bill(AT, (usage,), (Overhead("kafka", 0.04),), prices)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))


def test_costs_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.cost.bill.bill", lambda *_: a_bill(Prices("EUR", 0.1, 0.02, 0.5)))
    found = json.loads(CliRunner().invoke(cost.command, ["--json"]).stdout)
    assert (found["as_of"], found["currency"]) == ("2026-11-20T12:00:00.000Z", "EUR")
    assert found["overhead"] == [{"process": "kafka", "cores": 0.04}]
    assert found["assets"] == [
        {
            "model": "dwd.orders",
            "cores": 0.25,
            "cpu_share": 1.0,
            "cpu_seconds": 45.0,
            "since": "2026-11-20T11:57:00.000Z",
            "state_bytes": 1000,
            "kept_bytes": 2 * 10**6,
            "table_bytes": 3 * 10**9,
            "table_files": 30,
            "held_bytes": 2 * 10**9,
            "held_files": 20,
            "month": {"cpu": 18.25, "storage": 0.06, "state": 0.001, "total": 18.311},
        }
    ]


def test_costs_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.cost.bill.bill", lambda *_: a_bill(None))
    lines = CliRunner().invoke(cost.command).stdout.splitlines()
    assert lines[0].split() == ["table", "CPU", "share", "over", "state", "files", "bytes", "held"]
    assert " ".join(lines[1].split()) == "dwd.orders 0.250 100% 3 min 00 s 2.0 MB 30 3.00 GB 2.00 GB"
    assert "For all of them together: 0.040 cores (kafka 0.040)." in lines
    assert "No prices are declared: put prices.yaml into the warehouse to see money." in lines


def test_a_span_that_is_none_is_refused() -> None:
    refused = CliRunner().invoke(cost.command, ["--over", "soon"])
    assert refused.exit_code == 2
    assert "«soon» is not a duration" in refused.output


def test_upkeep_says_what_it_did_and_fails_when_a_table_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    after = Footprint(7, 20, (), files=28, bytes=10**9, live_files=10, live_bytes=10**9, buckets=())
    outcome = Outcome(Duty.ORPHANS, ORDERS, FILES, after, 2, 2 * 10**9, "removed 2 files", fault="a file is missing")
    monkeypatch.setattr("resources.upkeep.round.keep_clean", lambda *_, **__: (outcome,))
    monkeypatch.setattr("resources.upkeep.round.undeclared", lambda *_: (TableName.parse("dm.gone"),))
    monkeypatch.setattr("resources.declarations.warehouse", lambda _: Warehouse(Path(), ()))
    shown = CliRunner().invoke(maintain.command, [])
    assert shown.exit_code == 1
    for line in ("dwd.orders: removed 2 files", "dwd.orders: ✗ a file is missing", "left alone: dm.gone"):
        assert line in shown.stdout
    (said,) = json.loads(CliRunner().invoke(maintain.command, ["--json"]).stdout)["outcomes"]
    assert (said["duty"], said["table"], said["found"], said["found_bytes"]) == ("orphans", "dwd.orders", 2, 2 * 10**9)
    assert (said["before"]["files"], said["after"]["files"], said["before"]["tags"]) == (30, 28, 1)
