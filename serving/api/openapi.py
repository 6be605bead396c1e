"""The OpenAPI document of what is served, made of the declarations, with their examples.

https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.model import Column
from headwater.serving.product import Product
from headwater.sqltype import SqlType
from serving.analysis.question import Limits
from serving.api.asked import MOST_KEYS, MOST_ROWS, ROWS

_INTEGERS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_AS_OF = "2026-11-22T08:00:00.000Z"
_ABOUT = """\
Rows by key, each answer with the snapshot that it is from (`snapshot`), event time up to which that has everything
(`as_of`) and how old this is (`age_seconds`, `stale`); the same in the headers `Headwater-*`. Rows of one answer are
from one snapshot. Show a key as `Authorization: Bearer KEY`. Errors are `application/problem+json` (RFC 9457)."""


def document(products: Sequence[Product], version: str, *, queries: bool = False) -> dict[str, Any]:
    """The document.

    Args:
        queries: SQL is answered, too.
    """
    paths: dict[str, Any] = {"/v1": {"get": _listing()}}
    if queries:
        paths["/query"] = {"post": _query()}
    schemas: dict[str, Any] = {"Problem": _PROBLEM, "Moment": _MOMENT}
    for product in products:
        schemas[f"{product.name}_row"] = _row(product)
        address = "/".join(f"{{{column.name}}}" for column in product.key)
        paths[f"/v1/{product.name}/{address}"] = {"get": _get(product)}
        paths[f"/v1/{product.name}"] = {"get": _scan(product), "post": _batch(product)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headwater data service", "version": version, "description": _ABOUT},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "headers": _HEADERS,
        },
    }


def _listing() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["products"],
        "properties": {"products": {"type": "array", "items": {"type": "object"}}},
    }
    return {
        "operationId": "list_products",
        "summary": "What this key may ask for.",
        "tags": ["products"],
        "responses": {"200": _json("The products.", schema), **_problems(400, 401, 429, 503)},
    }


def _query() -> dict[str, Any]:
    at = {
        "description": "A snapshot's number, a tag or an instant, for all tables or by table; left out: the newest.",
        "type": ["integer", "string", "object", "null"],
    }
    schema = {
        "type": "object",
        "required": ["sql"],
        "additionalProperties": False,
        "properties": {
            "sql": {"type": "string", "description": "One SELECT in DuckDB's dialect over layer.table."},
            "at": at,
            "limit": {"type": "integer", "minimum": 1, "maximum": Limits().rows, "description": "Rows at most."},
        },
    }
    example = {"sql": "SELECT market, sum(created) AS created FROM dm.kpi_minute GROUP BY market", "limit": 100}
    rows = {"type": "object", "required": ["rows", "snapshots", "as_of", "truncated"]}
    content = {
        "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {"schema": rows},
    }
    return {
        "operationId": "query",
        "summary": "A SELECT over pinned snapshots; JSON where that is accepted, else Arrow.",
        "tags": ["sql"],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}},
        "responses": {
            "200": {"description": "The rows, and in headers the snapshots that they are from.", "content": content},
            **_problems(400, 401, 403, 408, 413, 429, 503, 504),
        },
    }


def _get(product: Product) -> dict[str, Any]:
    return {
        "operationId": f"get_{product.name}",
        "summary": product.description,
        "description": _of(product),
        "tags": [product.name],
        "parameters": [
            *(_parameter(product, place, "path", required=True) for place in range(len(product.key))),
            _IF_NONE_MATCH,
        ],
        "responses": {
            "200": _answer(product, "The row.", {"row": _reference(product)}),
            "304": {"description": "The row is the one that the tag stands for.", "headers": _headers(tagged=True)},
            **_problems(400, 401, 403, 404, 414, 429, 503),
        },
    }


def _scan(product: Product) -> dict[str, Any]:
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS}
    rows = {
        "rows": {"type": "array", "items": _reference(product)},
        "next": {"type": ["string", "null"], "description": "What `page` is to be for the next page; null: none."},
    }
    return {
        "operationId": f"scan_{product.name}",
        "summary": f"A page of {product.name}, by leading columns of its key.",
        "description": _of(product) + " Rows are in the order of the key. Pages name their own snapshots.",
        "tags": [product.name],
        "parameters": [
            *(_parameter(product, place, "query", required=False) for place in range(len(product.key))),
            {"name": "limit", "in": "query", "schema": limit, "description": "Rows of a page at most."},
            {"name": "page", "in": "query", "schema": {"type": "string"}, "description": "`next` of the page before."},
            _IF_NONE_MATCH,
        ],
        "responses": {
            "200": _answer(product, "The page.", rows),
            "304": {"description": "The rows are those that the tag stands for.", "headers": _headers(tagged=True)},
            **_problems(400, 401, 403, 404, 414, 429, 503),
        },
    }


def _batch(product: Product) -> dict[str, Any]:
    key = {
        "type": "array",
        "prefixItems": [_schema(column.type, written=True) for column in product.key],
        "minItems": len(product.key),
        "maxItems": len(product.key),
    }
    keys = {"type": "array", "items": key, "minItems": 1, "maxItems": MOST_KEYS}
    body: dict[str, Any] = {
        "schema": {
            "type": "object",
            "required": ["keys"],
            "additionalProperties": False,
            "properties": {"keys": keys},
        }
    }
    if product.examples:
        body["example"] = {"keys": [list(example) for example in product.examples]}
    rows = {"rows": {"type": "array", "items": {"oneOf": [_reference(product), {"type": "null"}]}}}
    return {
        "operationId": f"batch_{product.name}",
        "summary": f"Up to {MOST_KEYS} rows of {product.name} at once, all from one snapshot.",
        "description": _of(product),
        "tags": [product.name],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": _answer(product, "A row or null for each key, in their order.", rows, tagged=False),
            **_problems(400, 401, 403, 404, 408, 413, 414, 415, 429, 503),
        },
    }


def _of(product: Product) -> str:
    key = ", ".join(column.name for column in product.key)
    newest = f", of several the one with the greatest {product.newest.name}" if product.newest else ""
    stale = f"Data older than {product.max_age.total_seconds():g} s is "
    stale += "served with `stale: true`." if product.when_stale.value == "serve" else "refused with status 503."
    return f"From {product.table}, by {key}{newest}. {stale} Owner: {product.owner}."


def _parameter(product: Product, place: int, where: str, *, required: bool) -> dict[str, Any]:
    column = product.key[place]
    found: dict[str, Any] = {
        "name": column.name,
        "in": where,
        "required": required,
        "schema": _schema(column.type, written=True),
        "description": column.description,
    }
    if product.examples:
        found["examples"] = {
            f"example {number}": {"value": example[place]} for number, example in enumerate(product.examples, 1)
        }
    return found


def _row(product: Product) -> dict[str, Any]:
    columns = {column.name: _column(product, column) for column in (*product.key, *product.columns)}
    return {"type": "object", "description": product.description, "required": list(columns), "properties": columns}


def _column(product: Product, column: Column) -> dict[str, Any]:
    schema = _schema(column.type, written=False)
    if column not in product.key and not column.required:
        kind = schema["type"]
        schema["type"] = [kind, "null"]
    return {**schema, "description": column.description} if column.description else schema


def _schema(sql_type: SqlType, *, written: bool) -> dict[str, Any]:
    """The JSON schema of a value; `written` by a caller, as a part of an address."""
    if sql_type.root in _INTEGERS:
        bits = _INTEGERS[sql_type.root]
        return {"type": "integer", "minimum": -(1 << bits - 1), "maximum": (1 << bits - 1) - 1}
    simple: Mapping[str, dict[str, Any]] = {
        "BOOLEAN": {"type": "boolean"},
        "FLOAT": {"type": "number"},
        "DOUBLE": {"type": "number"},
        "DATE": {"type": "string", "format": "date"},
        "TIME": {"type": "string"},
        "TIMESTAMP_LTZ": {"type": "string", "format": "date-time"},
        "TIMESTAMP": {"type": "string"},
        "DECIMAL": {"type": "string", "pattern": "^-?[0-9]+([.][0-9]+)?$"},
    }
    return dict(simple.get(sql_type.root, {"type": "string"}))


def _reference(product: Product) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{product.name}_row"}


def _answer(product: Product, what: str, members: Mapping[str, Any], *, tagged: bool = True) -> dict[str, Any]:
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Moment"},
            {"type": "object", "required": list(members), "properties": dict(members)},
        ]
    }
    return {**_json(what, schema), "headers": _headers(tagged=tagged)}


def _json(what: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": dict(schema)}}}


def _headers(*, tagged: bool) -> dict[str, Any]:
    names = [name for name in _HEADERS if tagged or name != "ETag"]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problems(*statuses: int) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _REASONS[status], "content": problem} for status in statuses}


_REASONS = {
    400: "The request is not one that could be answered.",
    401: "No key, or none that is good.",
    403: "The key does not reach this product or market.",
    404: "There is no row of this address, or no such product.",
    408: "The body did not come in time.",
    413: "The body is too long.",
    414: "The path and query are too long.",
    415: "The body is not JSON.",
    429: "The key makes more requests than it may; Retry-After says when.",
    503: "The data is older than promised, or being stored, or the store does not answer; Retry-After says when.",
    504: "The query took more time than it may.",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "example": {
        "type": "urn:headwater:problem:scope",
        "title": "Forbidden",
        "status": 403,
        "detail": "this key does not reach this market",
    },
}
_MOMENT = {
    "type": "object",
    "required": ["product", "snapshot", "as_of", "age_seconds", "stale"],
    "properties": {
        "product": {"type": "string"},
        "snapshot": {"type": "integer", "description": "Of the table; headwater query --at reads the same rows."},
        "as_of": {"type": "string", "format": "date-time", "examples": [_AS_OF]},
        "age_seconds": {"type": "number", "minimum": 0},
        "stale": {"type": "boolean", "description": "The data is older than promised."},
    },
}
_HEADERS: dict[str, Any] = {
    "ETag": {"description": "Changes when the rows do.", "schema": {"type": "string"}},
    "Headwater-Snapshot": {"description": "As `snapshot`.", "schema": {"type": "integer"}},
    "Headwater-As-Of": {"description": "As `as_of`.", "schema": {"type": "string"}},
    "Headwater-Age": {"description": "As `age_seconds`.", "schema": {"type": "number"}},
    "Headwater-Stale": {"description": "As `stale`.", "schema": {"type": "boolean"}},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "schema": {"type": "string"},
    "description": "An ETag that an earlier answer had.",
}
