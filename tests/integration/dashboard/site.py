"""The dashboard's process over a lake of a test's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import yaml

from benchmarks.orderlake import PROJECT
from headwater.loader import load
from headwater.model import Market
from headwater.stack import Ports, Stack
from tests.integration.waiting import eventually

MARKETS = ("au", "hk", "in", "us")


class Site:
    """A process `dashboard` with a state folder and a warehouse of its own; nothing else of the stack runs.

    Args:
        folder: Where both are made.
        ports: Of the stack; that of the dashboard is listened on.
        environment: What it is told besides.
    """

    def __init__(self, folder: Path, ports: Ports, environment: Mapping[str, str] | None = None) -> None:
        self.stack = Stack(home=folder / "home", warehouse=folder / "warehouse", ports=ports)
        self.stack.home.mkdir(parents=True)
        shutil.copytree(PROJECT / "warehouse", self.stack.warehouse)
        file = self.stack.warehouse / "markets.yaml"
        declared = yaml.safe_load(file.read_text())["markets"]
        file.write_text(yaml.safe_dump({"markets": {code: declared[code] for code in MARKETS}}))
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "dashboard.log"

    @property
    def markets(self) -> tuple[Market, ...]:
        """Those of its warehouse."""
        return load(self.stack.warehouse).markets

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.stack.dashboard_url

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        # NiceGUI would take the process for one of its own tests.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment = {**inherited, **self.stack.environment(), **self._environment}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "serving.dashboard"], env=environment, cwd=PROJECT, stdout=log, stderr=log
            )
        eventually(self._answers, lambda: f"the dashboard, which says: {self.log.read_text()[-2000:]}", seconds=180)

    def stop(self, *, kill: bool = False) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(20)
            self._process = None

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return httpx.get(self.url, timeout=10).status_code < 500
        except httpx.HTTPError:
            return False
