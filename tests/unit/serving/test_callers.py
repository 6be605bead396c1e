"""Who may ask for what."""

import json
from datetime import timedelta
from itertools import product as each_of

import pytest

from serving.audit import Audit
from tests.unit.serving.shop import Shop

SCOPES = {
    "all": {},
    "product": {"products": ["plain"]},
    "market": {"markets": ["sg"]},
    "both": {"products": ["plain"], "markets": ["sg"]},
    "other": {"products": ["global"], "markets": ["in"]},
}
# What of each product a key of each scope reaches: markets by name, and whether it may ask across them.
REACH: dict[tuple[str, str], set[str]] = {
    ("all", "surcharge"): {"sg", "hk", "sgx", "across"},
    ("all", "plain"): {"sg", "hk", "sgx", "across"},
    ("all", "global"): {"1"},
    ("product", "plain"): {"sg", "hk", "sgx", "across"},
    ("market", "surcharge"): {"sg"},
    ("market", "plain"): {"sg"},
    ("both", "plain"): {"sg"},
}


@pytest.mark.parametrize(("scope", "product"), list(each_of(SCOPES, ["surcharge", "plain", "global"])))
def test_a_key_reaches_what_its_scope_says_and_nothing_else(shop: Shop, scope: str, product: str) -> None:
    key = shop.new_key(**SCOPES[scope])
    reach = REACH.get((scope, product), set())
    if product == "global":
        asked = {"1": [("GET", "/v1/global/1", None), ("GET", "/v1/global", None), ("POST", "/v1/global", [["1"]])]}
    else:
        asked = {
            market: [
                ("GET", f"/v1/{product}/{market}/{area}/{level}", None),
                ("GET", f"/v1/{product}?market={market}", None),
                ("GET", f"/v1/{product}?market={market}&area={area}", None),
                ("POST", f"/v1/{product}", [[market, area, level]]),
            ]
            for market, area, level in (("sg", "sg-01", "1"), ("hk", "a%2Fb%20%C3%BC", "-3"), ("sgx", "a", "1"))
        }
        both = [["sg", "sg-01", "1"], ["hk", "a", "1"]]
        asked["across"] = [("GET", f"/v1/{product}", None), ("POST", f"/v1/{product}", both)]
    for what, requests in asked.items():
        for method, target, keys in requests:
            answer = shop.ask(method, target, headers=key, json={"keys": keys} if keys else None)
            assert answer.status_code == (200 if what in reach else 403), (target, answer.text)
            if what not in reach:
                assert answer.headers["content-type"] == "application/problem+json"
                assert "multiplier" not in answer.text
                assert "headwater-snapshot" not in answer.headers


def test_no_page_of_another_market_is_reached_by_a_page_that_was_given_for_all(shop: Shop) -> None:
    anybody = shop.new_key()
    page = shop.get("/v1/plain?limit=1", headers=anybody).json()["next"]
    assert shop.get(f"/v1/plain?limit=1&page={page}", headers=anybody).status_code == 200
    for market in ("sg", "in"):
        limited = shop.new_key(markets=[market])
        assert shop.get(f"/v1/plain?page={page}", headers=limited).status_code == 403
        assert shop.get(f"/v1/plain?market={market}&page={page}", headers=limited).status_code == 400


def test_a_key_that_does_not_reach_a_product_cannot_tell_whether_it_is_there(shop: Shop) -> None:
    key = shop.new_key(products=["plain"])
    there, not_there = shop.get("/v1/surcharge", headers=key), shop.get("/v1/nothing", headers=key)
    assert (there.status_code, there.json()) == (not_there.status_code, not_there.json())
    assert shop.get("/v1/nothing", headers=shop.new_key()).status_code == 404
    assert [each["name"] for each in shop.get("/v1", headers=key).json()["products"]] == ["plain"]


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer hw_"},
        {"authorization": "Bearer hw_00000000_x"},
        {"authorization": "Basic aHc6aHc="},
        {"authorization": "Bearer hw_" + "x" * 5000},
        {"authorization": "Bearer ' OR 1=1 --"},
        {"x-api-key": "hw_1"},
    ],
)
def test_who_shows_no_good_key_is_told_what_is_needed(shop: Shop, shown: dict[str, str]) -> None:
    shop.new_key()
    for target in (
        "/v1",
        "/v1/plain",
        "/v1/plain/sg/sg-01/1",
        "/v1/none",
        "/openapi.json",
        "/metrics",
        "/v1/../metrics",
    ):
        answer = shop.get(target, headers=shown)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_of_the_right_id_and_a_wrong_secret_is_not_good(shop: Shop) -> None:
    good = shop.new_key()["authorization"]
    for wrong in (good[:-1], good + "x", good[:-1] + ("a" if good[-1] != "a" else "b"), good.upper()):
        assert shop.get("/v1/plain", headers={"authorization": wrong}).status_code == 401
    assert shop.get("/v1/plain", headers={"authorization": good.replace("Bearer", "bearer")}).status_code == 200


def test_keys_are_made_and_revoked_without_a_restart(shop: Shop) -> None:
    first = shop.new_key()
    assert shop.get("/v1/plain", headers=first).status_code == 200
    second = shop.new_key()
    assert shop.get("/v1/plain", headers=second).status_code == 200
    shop.keys.revoke(shop.keys.all()[0].id)
    shop.clock += 10
    assert shop.get("/v1/plain", headers=first).status_code == 401
    assert shop.get("/v1/plain", headers=second).status_code == 200
    shop.keys.file.write_text("{")
    shop.clock += 10
    assert shop.get("/v1/plain", headers=second).status_code == 401


def test_a_key_expires(shop: Shop) -> None:
    key = shop.new_key(lasting=timedelta(hours=1))
    assert shop.get("/v1/plain", headers=key).status_code == 200
    past = shop.new_key(lasting=timedelta(hours=-1))
    assert shop.get("/v1/plain", headers=past).status_code == 401


def test_the_file_of_keys_holds_no_key_and_is_read_by_its_owner_alone(shop: Shop) -> None:
    token = shop.new_key()["authorization"].removeprefix("Bearer ")
    assert token.split("_", 2)[2] not in shop.keys.file.read_text()
    assert shop.keys.file.stat().st_mode & 0o777 == 0o600


def test_a_key_makes_no_more_requests_than_it_may(shop: Shop) -> None:
    now = 100.0
    shop.service.rates.clock = lambda: now
    key, other = shop.new_key(rate=2.0), shop.new_key(rate=2.0)

    def statuses(count: int, shown: dict[str, str]) -> list[int]:
        return [shop.get("/v1/plain?market=sg", headers=shown).status_code for _ in range(count)]

    assert statuses(6, key) == [200] * 4 + [429] * 2
    assert statuses(1, other) == [200]
    answer = shop.get("/v1/plain?market=sg", headers=key)
    assert answer.json()["type"] == "urn:headwater:problem:rate"
    assert int(answer.headers["retry-after"]) >= 1
    now = 101.0
    assert statuses(3, key) == [200, 200, 429]


def test_each_request_is_noted_without_its_key(shop: Shop) -> None:
    key = shop.new_key(markets=["sg"])
    token = key["authorization"].removeprefix("Bearer ")
    shop.get("/v1/plain/sg/sg-01/1", headers=key)
    shop.get("/v1/plain?market=hk", headers=key)
    shop.get(f"/v1/plain/sg/{token}/1")
    shop.get(f"/v1/plain?market={token.replace('_', '%5f')}")
    shop.ask("POST", "/v1/plain", headers=key, json={"keys": [["sg", "sg-01", 1], ["sg", "sg-02", 1]]})
    shop.audit.flush()
    text = (shop.folder / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["status"], line["count"], line["snapshot"]) for line in lines] == [
        (200, 1, 7),
        (403, 0, None),
        (401, 0, None),
        (401, 0, None),
        (200, 2, 7),
    ]
    assert lines[0]["key"] == shop.keys.all()[0].id
    assert lines[0]["target"] == "/v1/plain/sg/sg-01/1"
    assert token.split("_", 2)[2] not in text
    assert "1.25" not in text


def test_the_audit_log_is_rotated(shop: Shop) -> None:
    audit = Audit(shop.folder / "small.jsonl", size=200)
    for number in range(20):
        audit.note(
            key="k", client="c", method="GET", target=f"/{number}", count=1, status=200, snapshot=1, seconds=0.001
        )
        audit.flush()
    files = sorted(file.name for file in shop.folder.glob("small.jsonl*"))
    assert files == ["small.jsonl", *(f"small.jsonl.{number}" for number in range(1, 6))]
    assert (shop.folder / "small.jsonl").stat().st_mode & 0o777 == 0o600
