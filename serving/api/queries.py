"""`POST /query`: a SELECT that the caller wrote, over pinned snapshots."""

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.jsonrows import json_instant, json_rows
from resources.query import Moment, parse_moment
from serving.analysis.desk import Desk
from serving.analysis.question import Busy, Limits, Question, Reply, TooLarge, TooSlow, status_of
from serving.api.callers import ANYBODY
from serving.api.problems import Problem, forbidden, malformed, unavailable
from serving.api.service import Service, body_of

ARROW, JSON = "application/vnd.apache.arrow.stream", "application/json"
_BUSY_SECONDS = 5


@dataclass(slots=True)
class Queries:
    """Questions over HTTP.

    Args:
        service: Whose callers may ask.
        stack: What they ask about.
        desk: Where they are answered.
        limits: Of each question; a caller can ask for fewer rows.
    """

    service: Service
    stack: Stack
    desk: Desk
    limits: Limits = field(default_factory=Limits)

    def router(self) -> APIRouter:
        """The address."""
        router = APIRouter()

        @router.post("/query")
        async def query(request: Request) -> Response:
            """Run one SELECT in DuckDB's dialect."""
            began = time.perf_counter()
            note = _Note()
            try:
                answer = await self._answered(request, note)
                note.status = answer.status_code
                return answer
            except Problem as problem:
                note.status = problem.status.value
                raise
            finally:
                self._write_down(request, note, time.perf_counter() - began)

        return router

    async def _answered(self, request: Request, note: "_Note") -> Response:
        caller = self.service.caller(request.scope["headers"])
        note.key = caller.id
        if caller is not ANYBODY:
            self.service.rates.take(caller)
        if not caller.sql:
            raise forbidden("this key may not ask in SQL: headwater key create NAME --sql makes one that may")
        question = self._question(await body_of(request.receive, request.headers.get("content-length")))
        note.sql = question.sql
        try:
            reply = await self.desk.ask(question)
        except HeadwaterError as error:
            raise _problem(error) from error
        note.rows = reply.rows
        return _response(reply, request.headers.get("accept", ""))

    def _question(self, body: bytes) -> Question:
        try:
            said = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise malformed(f"the body is not JSON: {error}") from None
        if not isinstance(said, dict) or not isinstance(said.get("sql"), str) or said.keys() - {"sql", "at", "limit"}:
            raise malformed('the body is to be {"sql": "SELECT …", "at": …, "limit": …}; at and limit may be left out')
        rows = said.get("limit", self.limits.rows)
        if not isinstance(rows, int) or isinstance(rows, bool) or not 0 < rows <= self.limits.rows:
            raise malformed(f"limit is a whole number from 1 to {self.limits.rows}")
        return Question(said["sql"], self.stack, _moments(said.get("at")), replace(self.limits, rows=rows))

    def _write_down(self, request: Request, note: "_Note", seconds: float) -> None:
        self.service.meters.count("", "query", note.status, seconds)
        self.service.audit.note(
            key=note.key,
            client=request.client.host if request.client else "",
            method=request.method,
            target=f"/query {note.sql}" if note.sql else "/query",
            count=note.rows,
            status=note.status,
            snapshot=0,
            seconds=seconds,
        )


@dataclass(slots=True)
class _Note:
    """What is known so far of a question, for the audit log; its status is that of a fault until another is known."""

    key: str = ""
    sql: str = ""
    rows: int = 0
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR.value


def _moments(said: Any) -> Mapping[TableName, Moment] | Moment | None:
    """What `at` says: null, a snapshot's number, a tag or an instant, or one of these for each table."""
    if not isinstance(said, dict):
        return None if said is None else _moment(said)
    try:
        return {TableName.parse(name): _moment(moment) for name, moment in said.items()}
    except ValueError:
        raise malformed("at names tables as layer.table") from None


def _moment(said: Any) -> Moment:
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    if not isinstance(said, str):
        raise malformed("at is a snapshot's number, a tag, an instant as 2026-11-22T08:00Z, or one of these by table")
    try:
        return parse_moment(said)
    except ValueError as error:
        raise malformed(f"at: {error}") from None


def _response(reply: Reply, accept: str) -> Response:
    headers = {
        "headwater-snapshots": ", ".join(f"{table}={snapshot}" for table, snapshot in reply.snapshots.items()),
        "headwater-as-of": "" if reply.as_of is None else json_instant(reply.as_of),
        "headwater-truncated": "true" if reply.truncated else "false",
        "cache-control": "private, no-store",
    }
    if JSON not in accept:
        return Response(reply.arrow, headers=headers, media_type=ARROW)
    import pyarrow

    table = pyarrow.ipc.open_stream(io.BytesIO(reply.arrow)).read_all()
    told = {
        "rows": json_rows(
            table.column_names, list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        ),
        "snapshots": reply.snapshots,
        "as_of": None if reply.as_of is None else json_instant(reply.as_of),
        "truncated": reply.truncated,
    }
    return Response(json.dumps(told, ensure_ascii=False), headers=headers, media_type=JSON)


def _problem(error: HeadwaterError) -> Problem:
    members = {"left": error.left, "next": error.next_command}
    if isinstance(error, Busy):
        return unavailable("busy", error.failed, _BUSY_SECONDS)
    kind = "slow" if isinstance(error, TooSlow) else "large" if isinstance(error, TooLarge) else "sql"
    return Problem(status_of(error), kind, error.failed, members=members)
