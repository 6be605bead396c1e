"""`POST /query`: who may ask in SQL, and what comes back."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from starlette.testclient import TestClient

from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from serving.analysis.desk import Desk
from serving.api.application import application
from tests.unit.serving.lake import BY_KEY, lake
from tests.unit.serving.shop import Shop

SQL = {"sql": "SELECT market, sum(degrees) AS degrees FROM dm.warmth GROUP BY market ORDER BY market"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, TestClient]]:
    """An API whose SQL is answered over a lake of two snapshots."""
    folder = tmp_path_factory.mktemp("queries")
    with lake(folder, BY_KEY) as made:
        made.write(("sg", 1, Decimal("1.25"), None))
        made.write(("hk", 1, Decimal("2.50"), None))
    shop = Shop(folder / "shop")
    stack = Stack(home=folder, warehouse=folder / "warehouse", ports=Ports())
    with TestClient(application(shop.service, stack), base_url="http://127.0.0.1") as client:
        yield shop, client
    shop.close()


def test_rows_come_as_arrow_or_json_and_name_their_snapshots(place: tuple[Shop, TestClient]) -> None:
    shop, client = place
    key = shop.new_key(sql=True)
    arrow = client.post("/query", json=SQL, headers=key)
    assert (arrow.status_code, arrow.headers["content-type"]) == (200, "application/vnd.apache.arrow.stream")
    assert arrow.headers["headwater-snapshots"] == "dm.warmth=2"
    table = pyarrow.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
    assert table.column("market").to_pylist() == ["hk", "sg"]
    said = client.post("/query", json={**SQL, "at": {"dm.warmth": 1}}, headers={**key, "accept": "application/json"})
    assert said.json()["rows"] == [{"market": "sg", "degrees": "1.25"}]
    assert said.json()["snapshots"] == {"dm.warmth": 1}
    assert said.json()["as_of"].endswith("Z")
    noted = (shop.folder / "audit.jsonl", shop.audit.flush())[0].read_text().splitlines()
    assert json.loads(noted[-1])["target"].startswith("/query SELECT market")


def test_a_key_asks_in_sql_only_when_it_was_made_for_it(place: tuple[Shop, TestClient]) -> None:
    shop, client = place
    assert client.post("/query", json=SQL).status_code == 401
    refused = client.post("/query", json=SQL, headers=shop.new_key())
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:headwater:problem:scope")
    assert client.post("/query", json=SQL, headers=shop.new_key(markets=["sg"])).status_code == 403


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{", 400, "not JSON"),
        (b"[]", 400, "the body is to be"),
        (b'{"sql": 1}', 400, "the body is to be"),
        (b'{"sql": "SELECT 1", "memory": "9GB"}', 400, "the body is to be"),
        (b'{"sql": "SELECT 1", "limit": 0}', 400, "limit is a whole number"),
        (b'{"sql": "SELECT 1", "limit": true}', 400, "limit is a whole number"),
        (b'{"sql": "SELECT 1", "at": {"nonsense": 1}}', 400, "layer.table"),
        (b'{"sql": "SELECT 1", "at": [1]}', 400, "at is a snapshot's number"),
        (b'{"sql": "SELECT 1", "at": "2026-99-99"}', 400, "is no time"),
        (b'{"sql": "SELECT 1; SELECT 2"}', 400, "One SELECT is wanted"),
        (b'{"sql": "DROP TABLE dm.warmth"}', 400, "Only a SELECT"),
        (b'{"sql": "SELECT * FROM dm.warmth", "at": 99}', 400, "99"),
        (b'{"sql": "' + b"x" * 30_000 + b'"}', 413, "characters"),
        (b" " * 200_000, 413, "bytes at most"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, bytes) else None,
)
def test_what_is_wrong_with_a_question_is_said(
    place: tuple[Shop, TestClient], body: bytes, status: int, detail: str
) -> None:
    shop, client = place
    answer = client.post("/query", content=body, headers=shop.new_key(sql=True))
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, detail in answer.json()["detail"]) == (status, True), answer.json()


def test_the_document_tells_of_it(place: tuple[Shop, TestClient]) -> None:
    shop, client = place
    assert "/query" in client.get("/openapi.json", headers=shop.new_key()).json()["paths"]


def test_a_key_for_sql_has_no_other_limits(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from cli.main import cli

    answer = CliRunner().invoke(cli, ["key", "create", "x", "--sql", "--market", "sg"])
    assert answer.exit_code == 2
    assert "--sql reaches every table" in answer.output


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("a secret"),
        TimeoutError("a secret"),
        OSError(28, "No space left on device", "/a/secret/path"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_fault_within_is_answered_and_noted_as_one(
    place: tuple[Shop, TestClient], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    shop, client = place

    async def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(Desk, "ask", broken)
    answer = TestClient(client.app, base_url="http://127.0.0.1", raise_server_exceptions=False).post(
        "/query", json=SQL, headers=shop.new_key(sql=True)
    )
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["type"] == "urn:headwater:problem:internal"
    assert "secret" not in answer.text
    shop.audit.flush()
    noted = json.loads((shop.folder / "audit.jsonl").read_text().splitlines()[-1])
    assert (noted["status"], noted["target"][:13]) == (500, "/query SELECT")


@pytest.mark.parametrize("target", ["/metrics", "/healthz", "/v1", "/v1/plain/sg/sg-01/1"])
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (ZeroDivisionError("/a/path of a secret"), 500, "internal"),
        (HeadwaterError("redis://secret is away", unreachable=True), 503, "store"),
    ],
    ids=["fault", "store away"],
)
def test_no_address_tells_what_is_within(
    place: tuple[Shop, TestClient],
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    error: Exception,
    status: int,
    kind: str,
) -> None:
    shop, client = place

    async def broken(*_: object) -> None:
        raise error

    for name in ("get", "progress"):
        monkeypatch.setattr(shop.service.store, name, broken)
    answer = TestClient(client.app, base_url="http://127.0.0.1", raise_server_exceptions=False).get(
        target, headers=shop.new_key()
    )
    assert (answer.status_code, "secret" in answer.text) == (status, False)
    if (target, status) == ("/healthz", 503):
        assert answer.json() == {"healthy": False, "troubles": ["the store does not answer"]}
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:headwater:problem:{kind}"
