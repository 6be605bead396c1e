"""What the API answers, row by row."""

from pathlib import Path

import pytest

from tests.unit.serving.conftest import ROWS
from tests.unit.serving.shop import PLAIN, STRICT, SURCHARGE, Shop


@pytest.fixture
def key(shop: Shop) -> dict[str, str]:
    return shop.new_key()


@pytest.mark.parametrize("product", ["surcharge", "plain"])
def test_a_row_comes_with_the_snapshot_that_it_is_from(shop: Shop, key: dict[str, str], product: str) -> None:
    answer = shop.get(f"/v1/{product}/sg/sg-01/2", headers=key)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert body["row"] == {"market": "sg", "area": "sg-01", "level": 2, "multiplier": "1.50"}
    assert (body["product"], body["snapshot"], body["stale"]) == (product, 7, False)
    assert 1 <= body["age_seconds"] < 30
    assert answer.headers["headwater-snapshot"] == "7"
    assert answer.headers["headwater-as-of"] == body["as_of"]
    assert float(answer.headers["headwater-age"]) == body["age_seconds"]
    assert answer.headers["headwater-stale"] == "false"
    assert answer.headers["cache-control"] == "private, no-cache"


def test_a_text_in_a_path_is_decoded_once(shop: Shop, key: dict[str, str]) -> None:
    assert shop.get("/v1/plain/hk/a%2Fb%20%C3%BC/-3", headers=key).json()["row"]["multiplier"] == "2.00"
    assert shop.get("/v1/plain/hk/a%252Fb%20%C3%BC/-3", headers=key).status_code == 404


def test_an_address_without_a_row_is_told_with_the_snapshot_it_was_looked_for_in(
    shop: Shop, key: dict[str, str]
) -> None:
    answer = shop.get("/v1/plain/sg/none/1", headers=key)
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (body["type"], body["status"], body["snapshot"]) == ("urn:headwater:problem:row", 404, 7)
    assert answer.headers["headwater-snapshot"] == "7"


def test_a_batch_answers_each_key_in_its_place(shop: Shop, key: dict[str, str]) -> None:
    keys = [["hk", "a/b ü", -3], ["sg", "none", "1"], ["sg", "sg-01", "1"], ["sg", "sg-01", 1]]
    body = shop.ask("POST", "/v1/plain", json={"keys": keys}, headers=key).json()
    assert [row and row["multiplier"] for row in body["rows"]] == ["2.00", None, "1.25", "1.25"]
    assert body["snapshot"] == 7


def test_a_scan_gives_rows_in_the_order_of_the_key_page_by_page(shop: Shop, key: dict[str, str]) -> None:
    seen, page = [], ""
    while True:
        body = shop.get(f"/v1/surcharge?limit=2{page}", headers=key).json()
        seen += [(row["market"], row["area"], str(row["level"])) for row in body["rows"]]
        if body["next"] is None:
            break
        page = f"&page={body['next']}"
    assert seen == sorted(ROWS)


def test_a_scan_by_a_text_gives_no_row_of_a_text_that_begins_so(shop: Shop, key: dict[str, str]) -> None:
    rows = shop.get("/v1/plain?market=sg", headers=key).json()["rows"]
    assert {row["market"] for row in rows} == {"sg"}
    assert len(rows) == 3
    assert len(shop.get("/v1/plain?market=sg&area=sg-01", headers=key).json()["rows"]) == 2
    assert len(shop.get("/v1/plain?market=sg&area=sg-01&level=2", headers=key).json()["rows"]) == 1
    assert shop.get("/v1/plain?market=s", headers=key).json()["rows"] == []


def test_who_has_the_rows_already_is_told_so_until_they_change(shop: Shop, key: dict[str, str]) -> None:
    for target in ("/v1/plain/sg/sg-01/1", "/v1/plain?market=sg"):
        first = shop.get(target, headers=key)
        tag = first.headers["etag"]
        shop.serve(PLAIN, ROWS, snapshot=8)
        again = shop.get(target, headers={**key, "if-none-match": f'"other", {tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["headwater-snapshot"], again.headers["etag"]) == ("8", tag)
        shop.serve(PLAIN, {**ROWS, ("sg", "sg-01", "1"): "3.00"}, snapshot=9)
        changed = shop.get(target, headers={**key, "if-none-match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag
        shop.serve(PLAIN, ROWS)


def test_old_data_is_served_and_said_to_be_old(shop: Shop, key: dict[str, str]) -> None:
    fresh = shop.get("/v1/plain/sg/sg-01/1", headers=key).headers["etag"]
    shop.serve(PLAIN, ROWS, age=31)
    answer = shop.get("/v1/plain/sg/sg-01/1", headers={**key, "if-none-match": fresh})
    assert (answer.status_code, answer.json()["stale"]) == (200, True)
    assert answer.headers["headwater-stale"] == "true"


def test_old_data_of_a_product_that_refuses_it_is_not_served(shop: Shop, key: dict[str, str]) -> None:
    shop.serve(STRICT, ROWS, age=31)
    batch = {"json": {"keys": [["sg", "sg-01", "1"]]}}
    for answer in (
        shop.get("/v1/strict/sg/sg-01/1", headers=key),
        shop.get("/v1/strict?market=sg", headers=key),
        shop.ask("POST", "/v1/strict", headers=key, **batch),
    ):
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:headwater:problem:stale")
        assert int(answer.headers["retry-after"]) > 0
        assert "multiplier" not in answer.text
        assert answer.json()["snapshot"] == 7
    shop.serve(STRICT, ROWS, age=1)
    assert shop.get("/v1/strict/sg/sg-01/1", headers=key).status_code == 200


def test_what_is_not_stored_yet_or_in_another_shape_is_not_served(shop: Shop, key: dict[str, str]) -> None:
    answer = shop.get("/v1/strict/sg/sg-01/1", headers=key)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:headwater:problem:loading")
    shop.serve(PLAIN, ROWS, shape="another")
    assert shop.get("/v1/plain/sg/sg-01/1", headers=key).json()["type"] == "urn:headwater:problem:loading"


def test_the_list_of_products_says_how_far_each_goes(shop: Shop, key: dict[str, str]) -> None:
    found = {product["name"]: product for product in shop.get("/v1", headers=key).json()["products"]}
    assert found.keys() == {"surcharge", "plain", "strict", "global"}
    assert (found["surcharge"]["snapshot"], found["surcharge"]["table"]) == (7, "dm.surcharge")
    assert found["strict"]["snapshot"] is None


def test_a_head_request_is_answered_as_get_is(shop: Shop, key: dict[str, str]) -> None:
    assert shop.ask("HEAD", "/v1/plain/sg/sg-01/1", headers=key).headers["headwater-snapshot"] == "7"


def test_an_open_api_answers_loopback_names_only(tmp_path: Path) -> None:
    opened = Shop(tmp_path / "open", is_open=True)
    opened.serve(SURCHARGE, ROWS)
    target = "/v1/surcharge/sg/sg-01/1"
    assert opened.get(target).status_code == 200
    assert opened.get(target, headers={"host": "localhost:8800"}).status_code == 200
    assert opened.get(target, headers={"host": "[::1]:8800"}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8800", "localhost.evil.example:1"):
        assert opened.get(target, headers={"host": host}).status_code == 421
    opened.close()


def test_health_tells_of_a_feeder_that_does_not_look(shop: Shop) -> None:
    answer = shop.get("/healthz")
    assert (answer.status_code, answer.json()["healthy"]) == (503, False)
    import time

    note = b'{"looked_at":%d,"problem":""}' % int(time.time() * 1000)
    shop.store.tell(dict.fromkeys(shop.service.catalog.products, note))
    answer = shop.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"healthy": True, "troubles": []})


def test_metrics_count_requests(shop: Shop, key: dict[str, str]) -> None:
    shop.get("/v1/plain/sg/sg-01/1", headers=key)
    shop.get("/v1/plain/sg/none/1", headers=key)
    assert shop.get("/metrics").status_code == 401
    page = shop.get("/metrics", headers=key).text
    assert 'headwater_api_requests_total{kind="get",product="plain",status="200"} 1.0' in page
    assert 'headwater_api_requests_total{kind="get",product="plain",status="404"} 1.0' in page
    assert 'headwater_api_product_snapshot_id{product="surcharge"} 7.0' in page
    assert 'headwater_api_request_duration_seconds_count{kind="get"} 2.0' in page
