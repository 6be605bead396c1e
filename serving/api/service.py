"""Requests for rows, from the first byte to the audit log.

Written against ASGI itself (https://asgi.readthedocs.io/en/latest/specs/www.html): what a web framework does for a
request takes longer than all that is done here.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from headwater.problem import HeadwaterError
from headwater.serving.product import Product
from resources.apikeys import ApiKey
from resources.keyvalue.store import ReaderStore
from serving.api import answers, asked
from serving.api.answers import Moments
from serving.api.callers import ANYBODY, Keyring, Rates, bearer, refuse_other_market, refuse_other_product
from serving.api.catalog import Catalog
from serving.api.meters import Meters
from serving.api.problems import CONTENT_TYPE, Problem, internal, malformed, not_allowed, store_away, unauthorized
from serving.audit import Audit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

ROOT = b"/v1"
_BODY_SECONDS = 10.0
_HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")
_ALWAYS: tuple[Header, ...] = (
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"authorization"),
    (b"x-content-type-options", b"nosniff"),
)

log = logging.getLogger("api")


@dataclass(slots=True)
class Request:
    """One request on its way, with what is known of it so far for the audit log."""

    method: str
    path: bytes
    query: bytes
    headers: Sequence[Header]
    client: str
    receive: Receive
    key: str = ""
    product: str = ""
    kind: str = "other"
    count: int = 0
    snapshot: int = 0

    def header(self, name: bytes) -> bytes | None:
        """The first header of this name, which is in lower case."""
        return next((value for each, value in self.headers if each == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = b"application/json"


@dataclass(slots=True)
class Service:
    """The API below /v1.

    Args:
        catalog: What is served.
        store: Where it lies.
        keyring: Whose keys are good.
        audit: Where each request is noted.
        is_open: Nobody needs a key; then a request must name this machine by a loopback name, so that no web page can
            reach in under a name of its own.
    """

    catalog: Catalog
    store: ReaderStore
    keyring: Keyring
    audit: Audit
    is_open: bool = False
    meters: Meters = field(default_factory=Meters)
    moments: Moments = field(default_factory=Moments)
    rates: Rates = field(default_factory=Rates)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        client = scope.get("client")
        request = Request(
            scope["method"],
            scope["raw_path"],
            scope["query_string"],
            scope["headers"],
            client[0] if client else "",
            receive,
        )
        answer = await self._answered(request)
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (b"content-type", answer.content_type),
                    (b"content-length", str(len(answer.body)).encode()),
                    *answer.headers,
                    *_ALWAYS,
                ]
                if answer.status != HTTPStatus.NOT_MODIFIED
                else [*answer.headers, *_ALWAYS],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})
        self._note(request, answer.status, time.perf_counter() - began)

    def caller(self, headers: Sequence[Header]) -> ApiKey:
        """Who asks. Raises the problem «unauthorized»."""
        if self.is_open:
            host = next((value for name, value in headers if name == b"host"), b"").lower()
            if host.rpartition(b":")[0] not in _HOSTS and host not in _HOSTS:
                raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "host", "ask for 127.0.0.1 or localhost")
            return ANYBODY
        found = self.keyring.key(bearer(headers))
        if found is None:
            raise unauthorized("this key is not good: it was never made, was revoked, or has expired")
        return found

    async def _answered(self, request: Request) -> Answer:
        try:
            return await self._answer(request)
        except Problem as problem:
            return _refusal(problem)
        except HeadwaterError as error:
            log.error("%s", error.failed)
            return _refusal(store_away())
        except Exception:
            log.exception("a request failed")
            return _refusal(internal())

    async def _answer(self, request: Request) -> Answer:
        caller = self.caller(request.headers)
        request.key = caller.id
        if caller is not ANYBODY:
            self.rates.take(caller)
        if len(request.path) + len(request.query) > asked.MOST_TARGET:
            detail = f"a path and its query have {asked.MOST_TARGET} bytes at most"
            raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "target", detail)
        parts = asked.segments(request.path)[1:]
        if not parts:
            _allow(request, "GET, HEAD")
            return await self._list(caller)
        product = refuse_other_product(caller, parts[0], self.catalog.products.get(parts[0]))
        request.product = product.name
        if len(parts) > 1:
            _allow(request, "GET, HEAD")
            return await self._get(request, caller, product, parts[1:])
        _allow(request, "GET, HEAD, POST")
        if request.method == "POST":
            return await self._batch(request, caller, product)
        return await self._scan(request, caller, product)

    async def _get(self, request: Request, caller: ApiKey, product: Product, texts: Sequence[str]) -> Answer:
        request.kind, request.count = "get", 1
        if request.query:
            raise malformed("an address takes no parameters")
        values, address = asked.address(product, texts)
        refuse_other_market(caller, product, values)
        found = await self.store.get(product.name, (address,))
        moment = self.moments.served(product, found.position)
        request.snapshot = moment.snapshot
        tag = answers.etag(moment, found.rows)
        body = answers.one(product, moment, found.rows[0])
        return _tagged(request, tag, tuple(moment.headers()), body)

    async def _batch(self, request: Request, caller: ApiKey, product: Product) -> Answer:
        request.kind = "batch"
        if request.query:
            raise malformed("a batch takes no parameters")
        kind = (request.header(b"content-type") or b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "type", "a batch is application/json")
        keys = asked.addresses(product, await body_of(request.receive, request.header(b"content-length")))
        request.count = len(keys)
        for values, _ in keys:
            refuse_other_market(caller, product, values)
        found = await self.store.get(product.name, [address for _, address in keys])
        moment = self.moments.served(product, found.position)
        request.snapshot = moment.snapshot
        return Answer(HTTPStatus.OK, answers.several(product, moment, found.rows), tuple(moment.headers()))

    async def _scan(self, request: Request, caller: ApiKey, product: Product) -> Answer:
        request.kind = "scan"
        wanted = asked.scan(product, request.query)
        refuse_other_market(caller, product, wanted.values)
        # One more than is shown tells whether there is a next page.
        found = await self.store.scan(product.name, wanted.prefix, wanted.after, wanted.limit + 1)
        moment = self.moments.served(product, found.position)
        request.snapshot = moment.snapshot
        rows = found.rows[: wanted.limit]
        request.count = len(rows)
        following = asked.cursor(rows[-1][0]) if len(found.rows) > wanted.limit else None
        tag = answers.etag(moment, [part for key, row in rows for part in (key, row)])
        return _tagged(request, tag, tuple(moment.headers()), answers.page(product, moment, rows, following))

    async def _list(self, caller: ApiKey) -> Answer:
        shown = []
        for product in self.catalog.newest:
            if not caller.may_read(product.name):
                continue
            found = await self.store.get(product.name, ())
            try:
                members = self.moments.moment(product, found.position).members()
            except Problem:
                members = {"snapshot": None, "as_of": None, "age_seconds": None, "stale": None}
            shown.append(
                {
                    "name": product.name,
                    "description": product.description,
                    "owner": product.owner,
                    "table": str(product.table),
                    "key": [column.name for column in product.key],
                    "columns": [column.name for column in product.columns],
                    "max_age_seconds": product.max_age.total_seconds(),
                    **members,
                }
            )
        return Answer(HTTPStatus.OK, orjson.dumps({"products": shown}))

    def _note(self, request: Request, status: int, seconds: float) -> None:
        self.meters.count(request.product, request.kind, status, seconds)
        target = request.path + b"?" + request.query if request.query else request.path
        self.audit.note(
            key=request.key,
            client=request.client,
            method=request.method,
            target=target.decode("latin-1"),
            count=request.count,
            status=status,
            snapshot=request.snapshot,
            seconds=seconds,
        )


def _refusal(problem: Problem) -> Answer:
    return Answer(problem.status.value, problem.body(), problem.headers, CONTENT_TYPE)


def _allow(request: Request, methods: str) -> None:
    if request.method not in methods.split(", "):
        raise not_allowed(methods)


def _tagged(request: Request, tag: bytes, headers: tuple[Header, ...], body: bytes) -> Answer:
    """The answer, or, when the caller has the same rows already, that it does."""
    given = request.header(b"if-none-match")
    if given is not None and answers.is_known(tag, given):
        return Answer(HTTPStatus.NOT_MODIFIED, b"", ((b"etag", tag), *headers))
    return Answer(HTTPStatus.OK, body, ((b"etag", tag), *headers))


async def body_of(receive: Receive, declared: bytes | str | None) -> bytes:
    """The whole body, of which the header content-length may have said how long it is.

    Raises problems for one that is too long, or does not come.
    """
    too_long = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body", f"a body has {asked.MOST_BODY} bytes at most")
    if declared is not None and (not declared.isdigit() or int(declared) > asked.MOST_BODY):
        raise too_long
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise malformed("the body broke off")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > asked.MOST_BODY:
                    raise too_long
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        detail = f"the body did not come within {_BODY_SECONDS:g} s"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "timeout", detail) from None
