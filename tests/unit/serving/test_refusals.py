"""Requests that are not as they should be: each is told so as a problem, and none reaches anything."""

import json
from pathlib import Path
from typing import Any

import pytest

from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from serving.api.asked import MOST_BODY, MOST_KEYS
from serving.api.settings import Settings
from tests.unit.serving.shop import Shop

TRICKS = [
    "/v1/plain/../strict/sg/sg-01/1",
    "/v1/plain/sg/../../etc/passwd",
    "/v1/plain/sg/%2e%2e%2f%2e%2e%2fkeys.json/1",
    "/v1/plain/sg/..%5c..%5c/1",
    "/v1//plain/sg/sg-01/1",
    "/v1/plain//sg-01/1",
    "/v1/plain/sg%00/sg-01/1",
    "/v1/plain/sg/sg-01%00%01/1",
    "/v1/plain%00/sg/sg-01/1",
    "/v1/plain;market=hk/sg/sg-01/1",
    "/v1/plain/sg/sg-01'; DROP TABLE plain;--/1",
    "/v1/plain/sg/' OR '1'='1/1",
    "/v1/plain/sg/sg-01/1 OR 1=1",
    "/v1/plain/sg/sg-01/1/",
    "/v1/plain/sg/sg-01",
    "/v1/plain/",
    "/v1/plain/sg/sg-01/1/extra",
    "/v1/plain/sg/sg-01/9999999999999",
    "/v1/plain/sg/sg-01/1.0",
    "/v1/plain/sg/sg-01/+1",
    "/v1/plain/sg/sg-01/01",
    "/v1/plain/sg/sg-01/%D9%A1",  # a digit, in Arabic
    "/v1/plain/%ff%fe/sg-01/1",
    "/v1/plain/%zz/sg-01/1",
    "/v1/plain/%/sg-01/1",
    "/v1/plain/" + "x" * 450 + "/sg-01/1",
    "/v1/plain/" + "%00" * 250 + "/sg-01/1",
    "/v1/plain/" + "x" * 5000,
    "/v1/plain?market=sg&market=hk",
    "/v1/plain?area=sg-01",
    "/v1/plain?level=1",
    "/v1/plain?market=sg&level=1",
    "/v1/plain?limit=0",
    "/v1/plain?limit=-1",
    "/v1/plain?limit=1001",
    "/v1/plain?limit=1e3",
    "/v1/plain?limit=999999999999999999999",
    "/v1/plain?page=",
    "/v1/plain?page=../../..",
    "/v1/plain?page=AAAA&market=sg",
    "/v1/plain?page=" + "A" * 3000,
    "/v1/plain?sql=SELECT+1",
    "/v1/plain?market",
    "/v1/plain?market=%ff",
    "/v1/plain?market=sg'%20OR%201=1--&x=1",
    "/v1/plain?" + "&".join(f"a{number}=1" for number in range(100)),
    "/v1/plain/sg/sg-01/1?market=hk",
    "/v1/%70lain/none/none/1",
    "/v2/plain/sg/sg-01/1",
    "/v1x",
    "/",
    "/docs",
    "/../../etc/passwd",
]


@pytest.mark.parametrize("target", TRICKS)
def test_a_trick_with_a_path_reaches_nothing(shop: Shop, target: str) -> None:
    answer = shop.get(target, headers=shop.new_key(markets=["sg"], products=["plain"]))
    assert answer.status_code in (400, 403, 404, 414), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "multiplier" not in answer.text
    assert set(answer.json()) >= {"type", "title", "status", "detail"}
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("target", ["/v1/plain/sg/%2e%2e/1", "/v1/plain/sg/%00/1", "/v1/plain/sg/' OR 1=1 --/1"])
def test_a_text_that_looks_like_a_trick_is_a_text(shop: Shop, target: str) -> None:
    assert shop.get(target, headers=shop.new_key()).json()["type"] == "urn:headwater:problem:row"


BODIES: list[Any] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"keys"',
    b"\xff\xfe",
    b'{"keys": []}',
    b'{"keys": {}}',
    b'{"keys": [[]]}',
    b'{"keys": ["sg"]}',
    b'{"keys": [["sg", "sg-01", 1]], "more": 1}',
    b'{"keys": [["sg", "sg-01"]]}',
    b'{"keys": [["sg", "sg-01", 1, 2]]}',
    b'{"keys": [["sg", "sg-01", 1.0]]}',
    b'{"keys": [["sg", "sg-01", true]]}',
    b'{"keys": [["sg", "sg-01", null]]}',
    b'{"keys": [["sg", 1, 1]]}',
    b'{"keys": [["sg", {"$ne": 1}, 1]]}',
    b'{"keys": [["sg", "sg-01", 1e400]]}',
    b'{"keys": [["sg", "sg-01", 99999999999999999999999]]}',
    b'{"keys": [["sg", "\\ud800", 1]]}',
    b'{"keys": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    json.dumps({"keys": [["sg", "sg-01", 1]] * (MOST_KEYS + 1)}).encode(),
    json.dumps({"keys": [["sg", "x" * 500, 1]]}).encode(),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_a_batch_that_is_none_is_told_what_is_wrong(shop: Shop, body: bytes) -> None:
    headers = {**shop.new_key(), "content-type": "application/json"}
    answer = shop.ask("POST", "/v1/plain", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_a_body_that_is_too_long_is_refused_whether_its_length_is_told_or_not(shop: Shop) -> None:
    headers = {**shop.new_key(), "content-type": "application/json"}
    long = b'{"keys": [["sg", "' + b"x" * MOST_BODY + b'", 1]]}'
    assert shop.ask("POST", "/v1/plain", content=long, headers=headers).status_code == 413

    async def chunks() -> Any:
        for _ in range(40):
            yield b"x" * 8192

    assert shop.ask("POST", "/v1/plain", content=chunks(), headers=headers).status_code == 413


def test_a_body_of_another_type_is_refused(shop: Shop) -> None:
    headers = {**shop.new_key(), "content-type": "text/plain"}
    assert shop.ask("POST", "/v1/plain", content=b"{}", headers=headers).status_code == 415
    headers["content-type"] = "application/json; charset=utf-8"
    body = b'{"keys": [["sg", "sg-01", 1]]}'
    assert shop.ask("POST", "/v1/plain", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "POST"])
def test_another_method_is_told_which_there_are(shop: Shop, method: str) -> None:
    key = shop.new_key()
    answer = shop.ask(method, "/v1/plain/sg/sg-01/1", headers=key)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    if method != "POST":
        answer = shop.ask(method, "/v1/plain", headers=key)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_a_fault_within_is_told_without_what_is_within(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    key = shop.new_key()

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(shop.service.store, "get", broken)
    answer = shop.get("/v1/plain/sg/sg-01/1", headers=key)
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:headwater:problem:internal")
    assert "secret" not in answer.text


def test_a_store_that_does_not_answer_is_told_with_when_to_come_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = shop.new_key()

    async def away(*_: object) -> None:
        raise HeadwaterError("redis://secret is away", unreachable=True)

    monkeypatch.setattr(shop.service.store, "get", away)
    answer = shop.get("/v1/plain/sg/sg-01/1", headers=key)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:headwater:problem:store")
    assert "retry-after" in answer.headers
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HEADWATER_API_HOST": "0.0.0.0"}, "in the clear"),
        ({"HEADWATER_API_HOST": "0.0.0.0", "HEADWATER_API_OPEN": "1"}, "anybody"),
        ({"HEADWATER_API_HOST": "::", "HEADWATER_API_PLAIN": "1", "HEADWATER_API_OPEN": "1"}, "anybody"),
        ({"HEADWATER_API_TLS_CERTIFICATE": "c.pem"}, "needs both"),
        ({"HEADWATER_API_OPEN": "yes"}, "neither 0 nor 1"),
    ],
)
def test_the_api_does_not_start_in_a_way_that_is_not_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(HeadwaterError, match=said):
        Settings.of(Stack(tmp_path, tmp_path, Ports()))


def test_the_api_listens_on_loopback_and_asks_for_keys_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings.of(Stack(tmp_path, tmp_path, Ports())) == Settings("127.0.0.1", 8800)
