"""The addresses below /sql, by which the SQL page asks: each request is let in anew, unlike what an open page has said.

What is wrong with a question is part of an answer (200): it is no failure of the page's. Who may not ask gets 403.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from headwater.problem import HeadwaterError
from headwater.sofar import QUERY_CALENDARS
from headwater.stack import Stack
from resources.paimon.store import FilesystemTableStore
from serving.dashboard.body import body_of
from serving.dashboard.guard import USER
from serving.dashboard.sql.room import ADDRESS, Asked, Room
from serving.dashboard.sql.sheet import Order, csv_of, shown

T = TypeVar("T")

_LONGEST = 128 << 10
_LOOK_SECONDS = 0.25
_GONE = {
    "failed": "This answer is not kept any more",
    "left": "",
    "next": "run the question again",
}
_ARROW = "application/vnd.apache.arrow.stream"


def add_addresses(app: FastAPI, room: Room) -> None:
    """Make them known."""

    @app.post(f"{ADDRESS}/answers")
    async def ask(request: Request) -> Response:
        return await _if_admitted(room, request, lambda: _answered(room, request))

    @app.get(f"{ADDRESS}/answers/{{token}}")
    async def look(request: Request, token: str, by: int | None = None, down: bool = False) -> Response:
        order = None if by is None else Order(by, down)
        return await _if_admitted(room, request, lambda: _looked_at(room, request, token, order))

    @app.get(f"{ADDRESS}/answers/{{token}}/file.{{kind}}")
    async def file(request: Request, token: str, kind: Literal["csv", "arrow"]) -> Response:
        return await _if_admitted(room, request, lambda: _file(room, request, token, kind))

    @app.get(f"{ADDRESS}/tables")
    async def tables(request: Request) -> Response:
        async def read() -> Response:
            return _json(await run_in_threadpool(_tables, room.stack))

        return await _if_admitted(room, request, read)


async def _if_admitted(room: Room, request: Request, answer: Callable[[], Awaitable[Response]]) -> Response:
    if not room.askers.admit(_user(request)):
        room.refuse(_user(request), _client(request))
        return _json({"failed": "You may not ask in SQL here", "left": "", "next": room.askers.advice}, 403)
    return await answer()


async def _answered(room: Room, request: Request) -> Response:
    asked = await _asked(request)
    if asked is None:
        return _json({"failed": "This is no question", "left": "", "next": "use the page"}, 400)
    try:
        told = await _unless_gone(request, asyncio.create_task(room.ask(asked)))
    except HeadwaterError as error:
        return _json({"failed": error.failed, "left": error.left, "next": error.next_command})
    if told is None:
        return Response(status_code=204)
    token, reply = told
    return _json({"token": token} | await run_in_threadpool(shown, reply))


async def _asked(request: Request) -> Asked | None:
    """What the body asks. None for another kind of body: a form of another site can send no JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    body = await body_of(request, _LONGEST)
    try:
        said = json.loads(body) if body is not None else None
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("sql"), str) or not isinstance(said.get("at", ""), str):
        return None
    return Asked(_user(request), _client(request), said["sql"], said.get("at", ""))


async def _unless_gone(request: Request, work: "asyncio.Task[T]") -> T | None:
    """What the work gives; it is cancelled when nobody waits for it any more: stopped, or the page is gone."""
    try:
        while True:
            done, _ = await asyncio.wait((work,), timeout=_LOOK_SECONDS)
            if done:
                return work.result()
            if await request.is_disconnected():
                return None
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def _looked_at(room: Room, request: Request, token: str, order: Order | None) -> Response:
    reply = room.answer(token, _user(request))
    if reply is None:
        return _json(_GONE)
    return _json({"token": token} | await run_in_threadpool(shown, reply, order))


async def _file(room: Room, request: Request, token: str, kind: Literal["csv", "arrow"]) -> Response:
    reply = room.answer(token, _user(request))
    if reply is None:
        return Response(f"{_GONE['failed']}: {_GONE['next']}.\n", 404, _headers(), "text/plain; charset=utf-8")
    content = await run_in_threadpool(csv_of, reply) if kind == "csv" else reply.arrow
    headers = _headers() | {"Content-Disposition": f'attachment; filename="answer.{kind}"'}
    return Response(content, 200, headers, "text/csv; charset=utf-8; header=present" if kind == "csv" else _ARROW)


def _tables(stack: Stack) -> dict[str, Any]:
    """All that a question can read, with columns, types and what is said of them."""
    store = FilesystemTableStore(stack.lake)
    found = [table for table in map(store.table, store.tables()) if table is not None]
    stored = [
        {
            "name": str(table.name),
            "columns": [[column.name, str(column.type), column.description] for column in table.columns],
        }
        for table in found
    ]
    calendars = [
        {"name": name, "columns": [[column, kind, ""] for column, kind in columns.items()]}
        for name, columns in QUERY_CALENDARS.items()
    ]
    return {"tables": [*stored, *calendars]}


def _user(request: Request) -> str:
    return request.scope.get(USER, "")


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _headers() -> dict[str, str]:
    return {"Cache-Control": "private, no-store"}


def _json(told: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(told, status, _headers())
