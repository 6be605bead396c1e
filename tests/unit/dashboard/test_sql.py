"""Questions in SQL on the dashboard: who may ask, what comes back, and that each is noted."""

import csv
import io
import json
import stat
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from serving.analysis.question import Reply
from serving.dashboard.guard import Guard
from serving.dashboard.pages import NAVIGATION, SQL_PATH
from serving.dashboard.settings import Askers, Login, Settings
from serving.dashboard.sql.addresses import add_addresses
from serving.dashboard.sql.page import example
from serving.dashboard.sql.room import Room
from serving.dashboard.sql.sheet import MOST_ROWS, Order, csv_of, shown
from tests.unit.dashboard.frames import DASHBOARD

MEI, KIM = {"x-forwarded-user": "mei"}, {"x-forwarded-user": "kim"}
SETTINGS = Settings("127.0.0.1", 1, Login.PROXY, "x-forwarded-user", frozenset({"10.0.0.7"}))
ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"


def site(room: Room) -> TestClient:
    @asynccontextmanager
    async def lifespan(app: FastAPI):
        await room.open()
        yield
        await room.close()

    app = FastAPI(lifespan=lifespan)
    add_addresses(app, room)
    app.add_middleware(Guard, settings=SETTINGS, sessions=None)
    return TestClient(app, base_url="http://127.0.0.1", client=("10.0.0.7", 4711))


def stack_in(folder: Path) -> Stack:
    return Stack(home=folder / "home", warehouse=folder / "warehouse", ports=Ports())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Room, TestClient]]:
    """A dashboard where mei and lee may ask, two seconds long."""
    room = Room(stack_in(tmp_path_factory.mktemp("asked")), Askers(names=frozenset({"mei", "lee"})), seconds=2)
    with site(room) as browser:
        yield room, browser


def noted(room: Room) -> list[dict[str, object]]:
    room.audit.flush()
    return [json.loads(line) for line in (room.stack.home / "dashboard" / "audit.jsonl").read_text().splitlines()]


def test_an_answer_is_shown_ordered_and_given_as_a_file_to_who_asked(asked: tuple[Room, TestClient]) -> None:
    room, browser = asked
    sql = "SELECT range AS n, CASE WHEN range > 1 THEN 'x' END AS word FROM range(4)"
    told = browser.post("/sql/answers", json={"sql": sql}, headers=MEI).json()
    assert told["rows"] == [["0", None], ["1", None], ["2", "x"], ["3", "x"]]
    assert told["words"].startswith("4 rows, in ")
    at = f"/sql/answers/{told['token']}"
    down = browser.get(f"{at}?by=0&down=true", headers=MEI).json()
    assert [row[0] for row in down["rows"]] == ["3", "2", "1", "0"]
    file = browser.get(f"{at}/file.csv", headers=MEI)
    assert file.headers["content-disposition"] == 'attachment; filename="answer.csv"'
    assert list(csv.reader(io.StringIO(file.text)))[:2] == [["n", "word"], ["0", ""]]
    arrow = pyarrow.ipc.open_stream(browser.get(f"{at}/file.arrow", headers=MEI).content).read_all()
    assert arrow.column("n").to_pylist() == [0, 1, 2, 3]
    other = browser.get(at, headers={"x-forwarded-user": "lee"}).json()
    assert "is not kept" in other["failed"], "an answer is for who had it"
    assert browser.get(f"{at}/file.csv", headers={"x-forwarded-user": "lee"}).status_code == 404
    line = noted(room)[-1]
    assert (line["key"], line["client"], line["status"], line["count"]) == ("mei", "10.0.0.7", 200, 4)
    assert str(line["target"]).startswith("/sql SELECT range AS n")
    assert stat.S_IMODE((room.stack.home / "dashboard" / "audit.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("question", "said", "status"),
    [
        ({"sql": "SELECT * FROM read_csv('/etc/passwd')"}, "disabled by configuration", 400),
        ({"sql": "SELECT nonsense FROM range(1)"}, "LINE 1", 400),
        ({"sql": "DROP TABLE dm.kpi_minute"}, "Only a SELECT", 400),
        ({"sql": "SELECT 1", "at": "2026-99-99"}, "is no time", 400),
        ({"sql": "SELECT 1", "at": "dm.kpi_minute=4, x"}, "«x» is not TABLE=SNAPSHOT", 400),
        ({"sql": "x" * 30_000}, "characters", 413),
        ({"sql": ENDLESS}, "did not end within 2 s and was stopped", 504),
    ],
    ids=["file", "column", "drop", "time", "moments", "long", "slow"],
)
def test_what_is_wrong_with_a_question_is_said_in_words_and_noted(
    asked: tuple[Room, TestClient], question: dict[str, str], said: str, status: int
) -> None:
    room, browser = asked
    answer = browser.post("/sql/answers", json=question, headers=MEI)
    assert (answer.status_code, said in answer.json()["failed"]) == (200, True), answer.json()
    assert answer.json()["next"]
    assert noted(room)[-1]["status"] == status


def test_who_may_not_ask_reaches_no_address_and_is_noted(asked: tuple[Room, TestClient]) -> None:
    room, browser = asked
    for answer in (
        browser.post("/sql/answers", json={"sql": "SELECT 1"}, headers=KIM),
        browser.get("/sql/tables", headers=KIM),
        browser.get("/sql/answers/x", headers=KIM),
        browser.get("/sql/answers/x/file.csv", headers=KIM),
    ):
        assert (answer.status_code, "may not ask" in answer.json()["failed"]) == (403, True)
    assert (noted(room)[-1]["key"], noted(room)[-1]["status"]) == ("kim", 403)
    assert browser.post("/sql/answers", json={"sql": "SELECT 1"}).status_code == 401, "who is nobody"


def test_a_form_of_another_site_asks_nothing(asked: tuple[Room, TestClient]) -> None:
    _, browser = asked
    form = browser.post("/sql/answers", content='{"sql": "SELECT 1"}', headers={**MEI, "content-type": "text/plain"})
    assert form.status_code == 400
    foreign = browser.post("/sql/answers", json={"sql": "SELECT 1"}, headers={**MEI, "origin": "https://evil.example"})
    assert foreign.status_code == 403
    long = browser.post("/sql/answers", json={"sql": "x" * 200_000}, headers=MEI)
    assert long.status_code == 400


def test_where_nobody_may_ask_nothing_is_started(tmp_path: Path) -> None:
    room = Room(stack_in(tmp_path), Askers())
    with site(room) as browser:
        assert browser.post("/sql/answers", json={"sql": "SELECT 1"}, headers=MEI).status_code == 403
        assert room.is_open is False
    assert not room.stack.home.exists()


def test_answers_are_kept_for_a_time_and_not_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room(stack_in(tmp_path), Askers(everybody=True))
    reply = replace(reply_of(pyarrow.table({"a": [1]})), arrow=b"x" * (40 << 20))
    tokens = [room.keep("mei", reply) for _ in range(4)]
    assert [room.answer(token, "mei") is not None for token in tokens] == [False, False, True, True]
    later = time.monotonic() + 901
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert room.answer(tokens[-1], "mei") is None


def reply_of(table: pyarrow.Table, *, truncated: bool = False) -> Reply:
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    at = datetime(2026, 11, 22, 3, 4, tzinfo=UTC)
    return Reply(out.getvalue(), {"dm.shop": 7, "dm.old": 3}, at, table.num_rows, truncated, 0.25, {"dm.shop": at})


def test_rows_are_ordered_over_the_whole_answer_before_they_are_cut_off() -> None:
    reply = reply_of(pyarrow.table({"n": list(range(MOST_ROWS + 100))}), truncated=True)
    view = shown(reply, Order(0, is_down=True))
    assert len(view["rows"]) == MOST_ROWS
    assert view["rows"][0] == [str(MOST_ROWS + 99)]
    assert "cut off" in view["words"] and f"Shown are {MOST_ROWS}" in view["words"]
    assert view["snapshots"] == [
        {"table": "dm.shop", "id": 7, "upTo": "2026-11-22T03:04:00.000Z"},
        {"table": "dm.old", "id": 3, "upTo": ""},
    ]


def test_every_type_has_a_text_without_a_digit_lost_and_two_columns_may_have_one_name() -> None:
    table = pyarrow.Table.from_arrays(
        [
            pyarrow.array([Decimal("12345678901234567890.12"), None]),
            pyarrow.array([datetime(2026, 11, 22, 3, tzinfo=UTC), None], pyarrow.timestamp("us", "UTC")),
            pyarrow.array([[1, 2], None]),
            pyarrow.array(["y" * 1000, 'a "b", c\n']),
            pyarrow.array([True, None]),
        ],
        names=["a", "a", "list", "text", "flag"],
    )
    view = shown(reply_of(table), Order(1))
    assert view["rows"][0][:3] == ["12345678901234567890.12", "2026-11-22T03:00:00.000Z", "[1, 2]"]
    assert len(view["rows"][0][3]) == 301
    assert view["rows"][1][:3] == [None, None, None]
    assert [column["sortable"] for column in view["columns"]] == [True, True, False, True, True]
    assert shown(reply_of(table), Order(2))["rows"] == shown(reply_of(table))["rows"], "a list has no order"
    assert shown(reply_of(table), Order(99))["rows"] == shown(reply_of(table))["rows"]
    rows = list(csv.reader(io.StringIO(csv_of(reply_of(table)).decode(), newline="")))
    assert rows[1][3] == "y" * 1000 and rows[2][3] == 'a "b", c\n' and rows[2][4] == ""


@pytest.mark.parametrize(
    ("said", "login", "meant"),
    [
        ("", "none", Askers()),
        ("", "accounts", Askers()),
        ("*", "none", Askers(everybody=True)),
        ("*", "accounts", Askers(everybody=True)),
        ("mei, kim", "accounts", Askers(names=frozenset({"mei", "kim"}))),
    ],
)
def test_nobody_asks_unless_the_environment_says_who(said: str, login: str, meant: Askers) -> None:
    found = Settings.of({"HEADWATER_DASHBOARD_SQL": said, "HEADWATER_DASHBOARD_LOGIN": login}, 8700)
    assert found.askers == meant
    assert found.askers.admit("mei") is (said != "")
    assert found.askers.admit("") is (said == "*"), "no name is never a name"
    assert found.askers.admit("eve") is (said == "*")


def test_what_the_environment_says_wrongly_is_refused_by_name() -> None:
    with pytest.raises(HeadwaterError, match="without a login nobody has a name"):
        Settings.of({"HEADWATER_DASHBOARD_SQL": "mei"}, 8700)
    with pytest.raises(HeadwaterError, match="names people, and everybody besides"):
        Settings.of({"HEADWATER_DASHBOARD_SQL": "mei,*", "HEADWATER_DASHBOARD_LOGIN": "accounts"}, 8700)
    for wrong in ("0", "-1", "601", "soon", "nan"):
        with pytest.raises(HeadwaterError, match="is no time from 0 to 600 seconds"):
            Settings.of({"HEADWATER_DASHBOARD_SQL_SECONDS": wrong}, 8700)


def test_the_example_asks_about_the_dashboards_own_table() -> None:
    assert "dm.shop AS k" in example(DASHBOARD)
    assert ("SQL", SQL_PATH) in NAVIGATION
