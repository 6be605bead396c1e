"""Questions that people write themselves, each answered by a process of its own within limits."""

import asyncio
import io
import json
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from serving.analysis.desk import Desk
from serving.analysis.question import Busy, Limits, Question, Reply, TooLarge, TooSlow
from serving.notebook import ask
from tests.unit.batch.daily import ORDER_COLUMNS, Write

AT = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)
ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"


@pytest.fixture
def lake(stack: Stack, write: Write) -> Stack:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, AT, Decimal("1.50"), "created")])
    write("dwd.orders", ORDER_COLUMNS, [("au", 2, AT, Decimal("99999999.99"), None)])
    return stack


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workers have their folders."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def at_a_desk(work: Callable[[Desk], Awaitable[Any]], **chosen: int) -> Any:
    async def sit() -> Any:
        async with Desk(**chosen) as desk:
            return await work(desk)

    return asyncio.run(sit())


def rows(reply: Reply) -> pyarrow.Table:
    return pyarrow.ipc.open_stream(io.BytesIO(reply.arrow)).read_all()


def test_an_answer_is_arrow_that_names_its_snapshots(lake: Stack) -> None:
    async def work(desk: Desk) -> tuple[Reply, Reply]:
        sql = "SELECT market, price FROM dwd.orders ORDER BY market"
        return await desk.ask(Question(sql, lake)), await desk.ask(Question(sql, lake, at=1))

    newest, first = at_a_desk(work)
    table = rows(newest)
    assert table.to_pylist() == [
        {"market": "au", "price": Decimal("99999999.99")},
        {"market": "hk", "price": Decimal("1.50")},
    ]
    assert newest.snapshots == {"dwd.orders": 2}
    assert rows(first).num_rows == first.rows == 1
    assert first.snapshots == {"dwd.orders": 1}
    assert newest.as_of is not None
    told = json.loads(table.schema.metadata[b"headwater"])
    assert (told["snapshots"], told["as_of"]) == ({"dwd.orders": 2}, newest.as_of.isoformat())


def test_sql_reaches_no_file_no_network_and_nothing_but_a_select_is_run(lake: Stack, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    refused = {
        f"SELECT * FROM read_csv('{secret}')": "disabled by configuration",
        f"SELECT * FROM '{secret}'": "There is no table",
        f"SELECT * FROM read_text('{secret}')": "disabled by configuration",
        f"SELECT * FROM glob('{tmp_path}/*')": "disabled by configuration",
        f"SELECT * FROM query('SELECT * FROM read_csv(''{secret}'')')": "disabled by configuration",
        "SELECT * FROM 'http://127.0.0.1:9/x.parquet'": "There is no table",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')": "disabled by configuration",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'": "Only a SELECT",
        "SET enable_external_access = true": "Only a SELECT",
        "SELECT 1; SELECT 2": "One SELECT",
        "SELECT * FROM dwd.order": "did you mean dwd.orders?",
    }

    async def work(desk: Desk) -> dict[str, str]:
        said = {}
        for sql in refused:
            with pytest.raises(HeadwaterError) as raised:
                await desk.ask(Question(sql, lake))
            said[sql] = raised.value.failed
        return said

    said = at_a_desk(work)
    assert {sql: part in said[sql] for sql, part in refused.items()} == dict.fromkeys(refused, True), said
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["secret.csv"]


def test_a_slow_question_is_killed_and_leaves_nothing(lake: Stack, scratch: Path) -> None:
    async def work(desk: Desk) -> int:
        assert desk.stands_ready is not None
        process = desk.stands_ready
        with pytest.raises(TooSlow, match=r"did not end within 1 s and was stopped"):
            await desk.ask(Question(ENDLESS, lake, limits=Limits(seconds=1)))
        return process

    process = at_a_desk(work)
    assert not Path(f"/proc/{process}").exists()
    assert list(scratch.iterdir()) == []


def test_more_than_may_be_is_cut_off_or_refused(lake: Stack) -> None:
    async def work(desk: Desk) -> Reply:
        with pytest.raises(TooLarge, match="at most 1 MB"):
            await desk.ask(
                Question("SELECT * FROM range(1000000)", lake, limits=Limits(rows=10**7, answer_bytes=10**6))
            )
        with pytest.raises(TooLarge, match="characters; at most 10"):
            await desk.ask(Question("SELECT 1 AS one", lake, limits=Limits(text=10)))
        with pytest.raises(HeadwaterError, match="more memory than it may use"):
            much = "SELECT len(list(range)) FROM range(3000000)"
            await desk.ask(Question(much, lake, limits=Limits(memory="20MB", spill="1MB")))
        return await desk.ask(Question("SELECT * FROM range(9)", lake, limits=Limits(rows=3)))

    reply = at_a_desk(work)
    assert (reply.rows, reply.truncated) == (3, True)


def test_who_finds_no_room_is_told_at_once(lake: Stack) -> None:
    async def work(desk: Desk) -> None:
        slow = asyncio.create_task(desk.ask(Question(ENDLESS, lake, limits=Limits(seconds=1))))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="1 questions are being answered"):
            await desk.ask(Question("SELECT 1", lake))
        with pytest.raises(TooSlow):
            await slow
        assert (await desk.ask(Question("SELECT 1", lake))).rows == 1

    at_a_desk(work, at_once=1, waiting=0)


def test_a_worker_knows_no_secret_of_its_environment(lake: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")

    async def work(desk: Desk) -> bytes:
        await desk.ask(Question("SELECT 1", lake))
        return Path(f"/proc/{desk.stands_ready}/environ").read_bytes()

    assert b"hush-hush" not in at_a_desk(work)


def test_a_notebook_gets_arrow_at_the_snapshots_it_asks_for(lake: Stack) -> None:
    assert ask("SELECT market FROM dwd.orders ORDER BY 1", stack=lake).column("market").to_pylist() == ["au", "hk"]
    first = ask("SELECT market FROM dwd.orders", at={"dwd.orders": 1}, stack=lake)
    assert first.column("market").to_pylist() == ["hk"]
    assert json.loads(first.schema.metadata[b"headwater"])["snapshots"] == {"dwd.orders": 1}
