"""Batch statements through Flink's SQL gateway, every page of the result fetched."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from headwater.stack import Stack
from tests.integration.waiting import eventually

_PROPERTIES = {
    "execution.runtime-mode": "batch",
    "table.dml-sync": "true",
    "parallelism.default": "1",
    "table.local-time-zone": "UTC",
    "restart-strategy.type": "none",
    "table.exec.sink.upsert-materialize": "NONE",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: its columns as Flink describes them, and rows, each with its kind of change."""

    columns: list[dict[str, Any]]
    changes: list[tuple[str, list[Any]]]


class StatementFailed(Exception):
    """Flink refused the statement, or failed while it ran it; the text is Flink's whole trace."""


class FlinkBatch:
    """One session of the gateway, in UTC."""

    def __init__(self, client: httpx.Client, handle: str) -> None:
        self._client = client
        self._session = f"/v4/sessions/{handle}"

    def execute(self, statement: str) -> list[list[Any]]:
        """Run one statement to its end; give its rows, numbers with every digit."""
        return [fields for _, fields in self.answer(statement).changes]

    def answer(self, statement: str) -> Answer:
        """Run one statement to its end. Raises StatementFailed."""
        posted = self._client.post(f"{self._session}/statements", json={"statement": statement})
        operation = f"{self._session}/operations/{posted.json()['operationHandle']}"
        eventually(lambda: self._status(operation) in ("FINISHED", "ERROR"), seconds=120, what=statement[:80])
        answer = Answer([], [])
        page = f"{operation}/result/0?rowFormat=JSON"
        while page:
            reply = self._client.get(page)
            body = json.loads(reply.text, parse_float=Decimal)
            if not reply.is_success:
                raise StatementFailed(f"{statement}: {body}")
            results = body.get("results", {})
            answer.columns[:] = results.get("columns") or answer.columns
            answer.changes.extend((row["kind"], row["fields"]) for row in results.get("data", []))
            page = body.get("nextResultUri", "")
        return answer

    def _status(self, operation: str) -> str:
        return self._client.get(f"{operation}/status").json()["status"]


@contextmanager
def gateway_session(stack: Stack, **properties: str) -> Iterator[FlinkBatch]:
    """A session with these properties besides the batch session's own; its default catalog is empty."""
    with httpx.Client(base_url=stack.gateway_url, timeout=60) as client:
        handle = client.post("/v4/sessions", json={"properties": _PROPERTIES | properties}).json()["sessionHandle"]
        yield FlinkBatch(client, handle)
        client.delete(f"/v4/sessions/{handle}")


@contextmanager
def flink_batch(stack: Stack) -> Iterator[FlinkBatch]:
    """A session in which the stack's lake is the catalog `lake`."""
    with gateway_session(stack) as flink:
        flink.execute(f"CREATE CATALOG lake WITH ('type' = 'paimon', 'warehouse' = 'file://{stack.lake}')")
        flink.execute("USE CATALOG lake")
        for layer in ("dwd", "dm", "rpt"):
            flink.execute(f"CREATE DATABASE IF NOT EXISTS {layer}")
        yield flink
