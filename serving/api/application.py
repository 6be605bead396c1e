"""The whole API: rows below /v1, and, with FastAPI, what says how it does and what there is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from headwater.problem import HeadwaterError
from headwater.serving.product import Product
from headwater.stack import Stack
from serving.analysis.desk import Desk
from serving.api.answers import Moment
from serving.api.openapi import document
from serving.api.problems import CONTENT_TYPE, Problem, internal, store_away
from serving.api.queries import Queries
from serving.api.service import ROOT, Receive, Scope, Send, Service, log

_FEEDER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Application:
    """The ASGI application.

    Args:
        service: What answers below /v1.
        others: What answers everything else.
    """

    service: Service
    others: FastAPI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["raw_path"]
            if path.startswith(ROOT) and path[len(ROOT) : len(ROOT) + 1] in (b"", b"/"):
                await self.service(scope, receive, send)
                return
        await self.others(scope, receive, send)


def application(service: Service, stack: Stack | None = None) -> Application:
    """Put it together.

    Args:
        service: What answers below /v1.
        stack: Whose declarations are followed; None leaves the products as they are.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(service.audit.flush_each_second())]
        if stack is not None:
            tasks.append(asyncio.create_task(service.catalog.follow(stack)))
        async with contextlib.AsyncExitStack() as open_:
            if stack is not None:
                desk = await open_.enter_async_context(Desk())
                app.include_router(Queries(service, stack, desk).router())
            yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        service.audit.flush()
        await service.store.close()

    app = FastAPI(
        title="Headwater data service",
        version=version("headwater"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )

    @app.get("/healthz")
    async def healthz() -> Response:
        """Whether the store answers and the feeder lives."""
        return await _health(service)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        """What the API counts, for Prometheus."""
        service.caller(request.scope["headers"])
        page = service.meters.page(await _states(service), service.audit.lost)
        return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        """What there is to ask for."""
        service.caller(request.scope["headers"])
        said = document(service.catalog.newest, app.version, queries=stack is not None)
        return Response(orjson.dumps(said), media_type="application/json")

    @app.exception_handler(Problem)
    async def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return _response(error)

    @app.exception_handler(HeadwaterError)
    async def away(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HeadwaterError)
        log.error("%s", error.failed)
        return _response(store_away())

    @app.exception_handler(Exception)
    async def fault(_request: Request, _error: Exception) -> Response:
        # Starlette raises it again behind the answer, and uvicorn logs it.
        return _response(internal())

    @app.exception_handler(HTTPException)
    async def other(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
        return _response(Problem(HTTPStatus(error.status_code), "address", str(error.detail), headers))

    return Application(service, app)


async def _states(service: Service) -> list[tuple[Product, Moment | None, float | None]]:
    """Of each product how far it goes, and when the feeder last looked at its table."""
    notes = await service.store.progress()
    states: list[tuple[Product, Moment | None, float | None]] = []
    for product in service.catalog.newest:
        found = await service.store.get(product.name, ())
        note: dict[str, Any] = orjson.loads(notes[product.name]) if product.name in notes else {}
        moment = None
        with contextlib.suppress(Problem):
            moment = service.moments.moment(product, found.position)
        states.append((product, moment, note["looked_at"] / 1000 if note else None))
    return states


async def _health(service: Service) -> Response:
    """Says no name, number or time of the data: whoever reaches the port may ask."""
    troubles = []
    try:
        for _, _, looked_at in await _states(service):
            if looked_at is None or datetime.now(UTC).timestamp() - looked_at > _FEEDER_SECONDS:
                troubles = ["the feeder has not looked at a product's table lately"]
    except HeadwaterError:
        troubles = ["the store does not answer"]
    status = HTTPStatus.SERVICE_UNAVAILABLE if troubles else HTTPStatus.OK
    body = orjson.dumps({"healthy": not troubles, "troubles": troubles})
    return Response(body, status, media_type="application/json")


def _response(problem: Problem) -> Response:
    headers = {name.decode(): value.decode() for name, value in problem.headers}
    return Response(problem.body(), problem.status, headers, CONTENT_TYPE.decode())
