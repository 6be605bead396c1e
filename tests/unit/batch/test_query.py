import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cli.main import main
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon.reader import PinnedTable
from resources.query import answer
from tests.unit.batch.daily import ORDER_COLUMNS, Write

UNMATCHED = "LEFT JOIN dm.kpi k ON k.market = o.market AND total = 0"
AT = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture
def lake(stack: Stack, write: Write, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, AT, Decimal("1.50"), "created")])
    write("dwd.orders", ORDER_COLUMNS, [("au", 2, AT, Decimal("99999999.99"), None)])
    write("dm.kpi", {"market": "STRING", "total": "BIGINT"}, [("hk", 2**53 + 1)])
    write("dm.empty", {"market": "STRING"}, [])
    return stack


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["headwater", "query", *arguments])
    try:
        main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def query_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert run(monkeypatch, *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_json_keeps_every_digit_and_every_instant(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = """SELECT price, created_at, status, total, CAST(created_at AS DATE) AS day, sum(total) OVER () AS s
      FROM dwd.orders AS o JOIN dm.kpi AS k ON o.market = 'au'"""
    found = query_json(monkeypatch, capsys, sql)
    assert found["rows"] == [
        {
            "price": "99999999.99",
            "created_at": "2026-11-22T03:04:05.678Z",
            "status": None,
            "total": 2**53 + 1,
            "day": "2026-11-22",
            "s": 2**53 + 1,
        }
    ]
    assert found["snapshots"] == {"dm.kpi": 1, "dwd.orders": 2}
    assert datetime.fromisoformat(found["as_of"]).tzinfo is not None


def test_as_of_is_the_oldest_commit(lake: Stack) -> None:
    found = answer(lake.lake, "SELECT 1 FROM dwd.orders, dm.kpi")
    assert found.as_of == min(pinned.snapshot.committed_at for pinned in found.inputs)
    assert answer(lake.lake, "SELECT 1").as_of is None


def test_columns_of_one_name_are_told_apart(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert query_json(monkeypatch, capsys, "SELECT 1 AS a, 2 AS a, 3 AS a")["rows"] == [{"a": 1, "a_2": 2, "a_3": 3}]


def test_a_table_shows_instants_in_the_viewers_zone_and_names_it(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import time

    time.tzset()
    assert run(monkeypatch, "SELECT created_at, price, status FROM dwd.orders ORDER BY market") == 0
    out = capsys.readouterr().out
    assert "2026-11-22 08:34:05.678" in out
    assert "99999999.99   NULL" in out
    assert "2 rows · dwd.orders at snapshot 2 (files: 2 plain) · as of" in out
    assert out.rstrip().endswith("times in Asia/Kolkata")


def test_a_limit_says_that_there_is_more(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "SELECT order_id FROM dwd.orders ORDER BY order_id DESC", "--limit", "1")
    assert "1 row (there are more: --limit)" in capsys.readouterr().out
    run(monkeypatch, "SELECT order_id FROM dwd.orders", "--limit", "2")
    assert "there are more" not in capsys.readouterr().out


@pytest.mark.parametrize("at", ["1", "dwd.orders=1"])
def test_an_older_snapshot_can_be_asked_for(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    found = query_json(monkeypatch, capsys, "SELECT count(*) AS n FROM dwd.orders", "--at", at)
    assert (found["rows"], found["snapshots"]) == ([{"n": 1}], {"dwd.orders": 1})


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("SELECT a.order_id FROM dwd.orders a JOIN dwd.orders b USING (order_id)", 2),
        ("WITH c AS (SELECT * FROM dwd.orders) SELECT x.market FROM c AS x, c AS y WHERE x.order_id < 2", 2),
        ("SELECT order_id FROM dwd.orders WHERE price > 1.5", 1),
        ("SELECT orders FROM dwd.orders", 2),
        ("FROM dwd.orders", 2),
        ("SELECT m FROM dwd.orders AS o(m) WHERE m = 'hk'", 1),
        (f"SELECT order_id FROM dwd.orders o {UNMATCHED} WHERE k.total IS NULL", 2),
        ("SELECT * FROM DWD.ORDERS", 2),
        ("SELECT market FROM dwd.orders WHERE order_id > 0 USING SAMPLE 100%", 2),
    ],
)
def test_pushing_down_does_not_change_an_answer(lake: Stack, sql: str, count: int) -> None:
    assert len(answer(lake.lake, sql).rows.rows) == count


@pytest.mark.parametrize(
    ("sql", "at", "status", "message"),
    [
        ("SELECT * FROM orders", "", 1, "There is no table orders; did you mean dwd.orders?"),
        (
            "SELECT * FROM dwd.ordrs",
            "",
            1,
            "did you mean dwd.orders?\n  left:  the tables are dm.empty, dm.kpi, dwd.orders",
        ),
        ("SELECT * FROM rpt.unlike", "", 1, "There is no table rpt.unlike\n"),
        ("SELECT * FROM dm.empty", "", 1, "dm.empty has no snapshot yet"),
        ("SELECT market,\n prize FROM dwd.orders", "", 1, 'Candidate bindings: "price"'),
        ("SELECT market,\n prize FROM dwd.orders", "", 1, "LINE 2:  prize FROM dwd.orders\n         ^^^^^"),
        ("SELEC 1", "", 1, "LINE 1: SELEC 1\n        ^^^^^"),
        ("SELECT 1; SELECT 2", "", 1, "One SELECT is wanted, and the text has 2 statements"),
        ("DROP TABLE dwd.orders", "", 1, "Only a SELECT can be run, not DROP"),
        ("SELECT * FROM dwd.orders", "dwd.orders=9", 1, "Snapshot 9 of dwd.orders does not exist; it has 1 to 2"),
        ("SELECT * FROM dwd.orders, dm.kpi", "1", 1, "does not say of which table"),
        ("SELECT * FROM dwd.orders", "dm.kpi=1", 1, "--at names dm.kpi, which the query does not read"),
        ("SELECT * FROM dwd.orders", "x", 1, "dwd.orders has no tag x"),
        ("SELECT * FROM dwd.orders", "dwd.orders=2020-01-01", 1, "dwd.orders has no snapshot of 2020-01-01"),
        ("SELECT * FROM dwd.orders", "orders=1", 2, "is not TABLE=SNAPSHOT"),
        ("SELECT * FROM dwd.orders", "2026-13-01", 2, "is no time"),
        ("SELECT * FROM read_csv('/etc/passwd')", "", 1, "file system operations are disabled"),
        ("SELECT * FROM '/etc/passwd'", "", 1, "There is no table /etc/passwd"),
    ],
)
def test_what_is_wrong_is_said(
    lake: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sql: str,
    at: str,
    status: int,
    message: str,
) -> None:
    assert run(monkeypatch, sql, *(["--at", at] if at else [])) == status
    found = capsys.readouterr()
    assert message in found.err
    assert found.out == ""


def test_an_empty_lake_says_how_to_begin(stack: Stack) -> None:
    with pytest.raises(HeadwaterError, match="is empty") as caught:
        answer(stack.lake, "SELECT * FROM dwd.orders")
    assert "headwater up" in caught.value.next_command


def test_a_query_that_needs_too_much_memory_ends_with_advice(lake: Stack) -> None:
    with pytest.raises(HeadwaterError, match="needs more memory than it may use") as caught:
        answer(lake.lake, "SELECT list(range), list(range::VARCHAR) FROM range(20000000)", memory_limit="50MB")
    assert "fewer columns or rows" in caught.value.next_command


def test_ctrl_c_stops_a_query_at_once(lake: Stack) -> None:
    def press(session: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(lake.lake, "SELECT count(*) FROM range(100000000000) a", waiting=press)


def test_only_the_columns_and_rows_needed_are_read(lake: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    import resources.query

    pinned: list[PinnedTable] = []

    class Watched(PinnedTable):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            pinned.append(self)

    monkeypatch.setattr(resources.query, "PinnedTable", Watched)
    answer(lake.lake, "SELECT price FROM dwd.orders WHERE market = 'hk'")
    assert [table.schema().names for table in pinned] == [["market", "price"]]
    assert [table.reader().read_all().num_rows for table in pinned] == [1]
