"""Feeder and API as processes of their own, over the lake of a test's stack."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from headwater.stack import HOME_VARIABLE, WAREHOUSE_VARIABLE, Stack
from resources.apikeys import KeyFile
from resources.keyvalue.choice import VARIABLE as STORE_VARIABLE
from resources.local.ports import free_ports
from tests.integration.waiting import eventually


class Serving:
    """A feeder that can be killed, and an API, over one store.

    Args:
        stack: Whose lake and declarations.
        folder: Where the embedded store, keys and logs lie.
        store: Address of a Redis, or "" for the embedded store.
    """

    def __init__(self, stack: Stack, folder: Path, store: str) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "lake").symlink_to(stack.lake)
        port = free_ports().api
        self._environment = os.environ | {
            HOME_VARIABLE: str(folder),
            WAREHOUSE_VARIABLE: str(stack.warehouse),
            STORE_VARIABLE: store,
            "HEADWATER_PORT_API": str(port),
        }
        _, token = KeyFile(folder / "serving" / "keys.json").create("a test")
        headers = {"authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30)
        self._feeder: subprocess.Popen[bytes] | None = None
        self._api = self._start("serving.api")

    def start_feeder(self) -> None:
        """Start the feeder."""
        self._feeder = self._start("serving.feeder")

    def kill_feeder(self) -> None:
        """End the feeder at once, in the middle of whatever it does."""
        assert self._feeder is not None
        self._feeder.send_signal(signal.SIGKILL)
        self._feeder.wait(20)

    def snapshot(self, product: str) -> int | None:
        """What the API says that it serves of a product."""
        try:
            listed = self.client.get("/v1").json()["products"]
        except httpx.TransportError:
            return None
        return next((each["snapshot"] for each in listed if each["name"] == product), None)

    def await_snapshot(self, product: str, snapshot: int) -> None:
        """Wait until this one, or a later one, is served."""
        eventually(
            lambda: (self.snapshot(product) or 0) >= snapshot,
            lambda: f"{product} at snapshot {snapshot}, not {self.snapshot(product)}: {self._logs()}",
            seconds=120,
        )

    def audited(self) -> list[dict[str, object]]:
        """What the audit log holds."""
        return [json.loads(line) for line in (self.folder / "serving" / "audit.jsonl").read_text().splitlines()]

    def close(self) -> None:
        self.client.close()
        for process in (self._feeder, self._api):
            if process is not None:
                process.terminate()
                process.wait(30)

    def _start(self, module: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{module}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", module], env=self._environment, stdout=log, stderr=log)

    def _logs(self) -> str:
        return "\n".join(file.read_text()[-2000:] for file in self.folder.glob("*.log"))


@contextmanager
def serving(stack: Stack, folder: Path, store: str = "") -> Iterator[Serving]:
    """It, until the block ends."""
    found = Serving(stack, folder, store)
    try:
        yield found
    finally:
        found.close()
