"""The OpenAPI document, and the API held to it by random requests."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.api.openapi import document
from tests.unit.serving.conftest import ROWS
from tests.unit.serving.shop import GLOBAL, PLAIN, PRODUCTS, STRICT, SURCHARGE, Shop


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("fuzzed"))
    for product in (SURCHARGE, PLAIN):
        shop.serve(product, ROWS)
    shop.serve(STRICT, ROWS, age=1000)
    shop.serve(GLOBAL, {("1",): "1.00"})
    yield shop
    shop.close()


_FOUND: Any = schemathesis.openapi.from_dict(document(PRODUCTS, "1"))
OPERATIONS = [result.ok() for result in _FOUND.get_all_operations()]


def _has_cases(operation: APIOperation, mode: GenerationMode) -> bool:
    """Some operations take nothing that could be wrong."""
    try:
        operation.as_strategy(generation_mode=mode).validate()
    except Unsatisfiable:
        return mode is GenerationMode.POSITIVE
    return True


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


@pytest.mark.parametrize(
    ("operation", "mode"),
    [(operation, mode) for operation in OPERATIONS for mode in GenerationMode if _has_cases(operation, mode)],
    ids=lambda value: value.label if isinstance(value, APIOperation) else value.value,
)
def test_random_requests_are_answered_as_the_document_says(filled: Shop, operation: Any, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        phases=[Phase.explicit, Phase.generate],
    )
    def ask(case: schemathesis.Case) -> None:
        request = case.as_transport_kwargs(base_url="http://127.0.0.1")
        sent = {name: str(value).encode("latin-1", "replace") for name, value in dict(request["headers"]).items()}
        request["headers"] = {**sent, **{name: value.encode() for name, value in _key(filled).items()}}
        request.pop("cookies", None)
        response = filled.ask(request.pop("method"), request.pop("url"), **request)
        # A product that refuses old data answers 503, as it says.
        checks = CHECKS[1:] if response.status_code == 503 else CHECKS
        case.validate_response(response, checks=checks)

    ask()


_KEYS: dict[int, dict[str, str]] = {}


def _key(filled: Shop) -> dict[str, str]:
    return _KEYS.setdefault(id(filled), filled.new_key(rate=1e9))


def test_the_document_names_each_product_with_its_examples(filled: Shop) -> None:
    said = filled.get("/openapi.json", headers=_key(filled)).json()
    assert set(said["paths"]) == {
        "/v1",
        *(f"/v1/{name}" for name in ("surcharge", "plain", "strict", "global")),
        *(f"/v1/{name}/{{market}}/{{area}}/{{level}}" for name in ("surcharge", "plain", "strict")),
        "/v1/global/{id}",
    }
    get = said["paths"]["/v1/surcharge/{market}/{area}/{level}"]["get"]
    assert [parameter["name"] for parameter in get["parameters"]] == ["market", "area", "level", "If-None-Match"]
    assert get["parameters"][1]["examples"] == {"example 1": {"value": "sg-01"}}
    assert get["parameters"][2]["schema"]["maximum"] == 2**31 - 1
    assert said["paths"]["/v1/surcharge"]["post"]["requestBody"]["content"]["application/json"]["example"] == {
        "keys": [["sg", "sg-01", "1"]]
    }
    for path in said["paths"].values():
        for operation in path.values():
            assert operation["responses"].keys() >= {"200", "401", "429", "503"}
