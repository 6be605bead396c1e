"""The API's process over the reference warehouse's product, which a test stores itself: nothing else runs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow

from headwater.loader import load
from headwater.serving.position import Position, milliseconds
from headwater.serving.stored import pack
from headwater.stack import Stack
from resources.apikeys import KeyFile, file_of
from resources.keyvalue.choice import folder as store_folder
from resources.keyvalue.embedded import EmbeddedFeederStore
from resources.local.ports import free_ports
from serving.feeder.rows import encoded
from tests.conftest import PROJECT
from tests.integration.waiting import eventually

SNAPSHOT = 1008
ROW: Mapping[str, Any] = {
    "market": "sg",
    "price_category": "regular",
    "vehicle_type": "motorcycle",
    "minute_at": datetime(2026, 11, 27, 3, 31, tzinfo=UTC),
    "created": 4,
    "matched": 3,
    "completed": 2,
    "cancelled": 1,
    "revenue": Decimal("12.5000"),
    "waiting_seconds": 61,
}
"""The one row of the product `kpi`, at the snapshot above."""


@dataclass
class Api:
    """A state folder with the product `kpi` in its store, and what the API is told by the environment.

    Args:
        stack: Whose folder, declarations and port.
        token: A key that reaches everything.
        log: What the process says.
    """

    stack: Stack
    token: str
    log: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Api":
        """It, with the row stored."""
        stack = Stack(home=folder / "home", warehouse=PROJECT / "warehouse", ports=free_ports())
        _store(stack)
        _, token = KeyFile(file_of(stack)).create("a test")
        return cls(stack, token, folder / "api.log")

    @contextmanager
    def running(self, environment: Mapping[str, str] | None = None, *, scheme: str = "http") -> Iterator[str]:
        """The process, until the block ends; its address."""
        url = f"{scheme}://127.0.0.1:{self.stack.ports.api}"
        process = self.started(environment)
        try:
            eventually(lambda: process.poll() is not None or _answers(url), f"{url}, see {self.log}")
            assert process.poll() is None, self.log.read_text()
            yield url
        finally:
            process.terminate()
            process.wait(30)

    def started(self, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """The process, which may end by itself."""
        command = [sys.executable, "-m", "serving.api"]
        variables = {**os.environ, **self.stack.environment(), **(environment or {})}
        with self.log.open("wb") as log:
            return subprocess.Popen(command, env=variables, cwd=PROJECT, stdout=log, stderr=log)


def _store(stack: Stack) -> None:
    product = load(stack.warehouse).product("kpi")
    now = int(time.time() * 1000)
    position = Position(SNAPSHOT, now, milliseconds(ROW["minute_at"]), product.shape)
    batch = pyarrow.RecordBatch.from_pylist([{**ROW, "minute_day": ROW["minute_at"].date()}])
    store = EmbeddedFeederStore(store_folder(stack))
    with store.loading(product.name) as loading:
        for _, (address, row) in encoded(product, batch):
            assert address is not None
            loading.put({address: pack(row)})
        loading.finish(None, position.encode())
    store.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5, verify=False).status_code > 0
    except httpx.TransportError:
        return False
