"""Batch statements through Flink's SQL gateway, every page of the result fetched."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
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


class FlinkBatch:
    """One session of the gateway, in UTC."""

    def __init__(self, client: httpx.Client, handle: str) -> None:
        self._client = client
        self._session = f"/v4/sessions/{handle}"

    def execute(self, statement: str) -> list[list[Any]]:
        """Run one statement to its end; give its rows, numbers with every digit."""
        posted = self._client.post(f"{self._session}/statements", json={"statement": statement})
        operation = f"{self._session}/operations/{posted.json()['operationHandle']}"
        eventually(lambda: self._status(operation) in ("FINISHED", "ERROR"), seconds=120, what=statement[:80])
        rows: list[list[Any]] = []
        page = f"{operation}/result/0?rowFormat=JSON"
        while page:
            answer = self._client.get(page)
            body = json.loads(answer.text, parse_float=Decimal)
            assert answer.is_success, f"{statement}: {str(body)[-2000:]}"
            rows += [row["fields"] for row in body.get("results", {}).get("data", [])]
            page = body.get("nextResultUri", "")
        return rows

    def _status(self, operation: str) -> str:
        return self._client.get(f"{operation}/status").json()["status"]


@contextmanager
def flink_batch(stack: Stack) -> Iterator[FlinkBatch]:
    """A session in which the stack's lake is the catalog `lake`."""
    with httpx.Client(base_url=stack.gateway_url, timeout=60) as client:
        handle = client.post("/v4/sessions", json={"properties": _PROPERTIES}).json()["sessionHandle"]
        flink = FlinkBatch(client, handle)
        flink.execute(f"CREATE CATALOG lake WITH ('type' = 'paimon', 'warehouse' = 'file://{stack.lake}')")
        flink.execute("USE CATALOG lake")
        for layer in ("dwd", "dm", "rpt"):
            flink.execute(f"CREATE DATABASE IF NOT EXISTS {layer}")
        yield flink
        client.delete(f"/v4/sessions/{handle}")
