"""Two hundred people look at the dashboard at once: how long after a commit they see it, and what that takes.

Each viewer is what a browser is to the server: it fetches the page, opens a websocket as the page's script does, and
takes every update. All of them live in this process.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import socketio

from benchmarks.figure import Figure, percentile
from benchmarks.orderlake import MINUTE, OrdersLake, rows_between
from benchmarks.stand import WAREHOUSE, Tell
from headwater.loader import load
from headwater.model import Market
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.local.ports import free_ports

VIEWERS = 200
_COMMITS = 6
_PAUSE_SECONDS = 5.0
_PATIENCE = 60.0
_QUERY = re.compile(r"query: \{'client_id': '([0-9a-f-]+)', 'next_message_id': (\d+)")


@dataclass
class Viewer:
    """One page that is open.

    Args:
        seen: When each snapshot's numbers were first there, in seconds since 1970.
    """

    seen: dict[int, float] = field(default_factory=dict)
    socket: socketio.AsyncClient = field(default_factory=lambda: socketio.AsyncClient(reconnection=False))

    async def come(self, url: str, pages: httpx.AsyncClient) -> None:
        """Open the page."""
        text = (await pages.get(f"{url}/d/operations", timeout=120)).text
        found = _QUERY.search(text)
        if found is None:
            raise HeadwaterError(
                "The dashboard's page is not what this benchmark knows", next_command="headwater logs dashboard"
            )
        self.socket.on("update", self._updated)
        ids = f"document_id={uuid.uuid4()}&tab_id={uuid.uuid4()}"
        query = f"client_id={found[1]}&next_message_id={found[2]}&implicit_handshake=true&{ids}"
        address = f"{url}?{query}"
        await self.socket.connect(
            address, transports=["websocket"], socketio_path="/_nicegui_ws/socket.io", wait_timeout=120
        )

    def _updated(self, elements: dict[str, Any]) -> None:
        for element in elements.values():
            # Beside the elements, by their numbers, the message has its own.
            props = element.get("props") if isinstance(element, dict) else None
            snapshot = (props or {}).get("view", {}).get("snapshot")
            if snapshot is not None:
                self.seen.setdefault(int(snapshot), time.time())


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Delays from a commit to the viewers' numbers, the server's CPU and memory; alone, and with all of them."""
    folder = scratch / "viewers"
    stack = Stack(home=folder / "home", warehouse=WAREHOUSE, ports=free_ports())
    markets = load(WAREHOUSE).markets
    tell("viewers: nine days of orders")
    lake = OrdersLake(stack.lake)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    hours = now - timedelta(hours=3)
    history = list(rows_between(markets, now - timedelta(days=8, hours=16), hours, every=5 * MINUTE))
    lake.write([*history, *rows_between(markets, hours, now)], now)
    p50, p95, cpu, memory = [], [], [], []
    for number in range(rounds):
        with _dashboard(stack, folder / "log") as process:
            tell(f"viewers: round {number + 1} of {rounds}, {VIEWERS} of them")
            delays, share, resident = asyncio.run(_watched(stack.dashboard_url, process, lake, markets))
            p50.append(percentile(delays, 0.5))
            p95.append(percentile(delays, 0.95))
            cpu.append(share)
            memory.append(resident)
    note = f"{VIEWERS} pages over websockets, a commit each {_PAUSE_SECONDS:g} s; the load comes from the same machine"
    return [
        Figure("dashboard", "commit to a viewer's numbers, p50", "s", tuple(p50), note=note),
        Figure("dashboard", "commit to a viewer's numbers, p95", "s", tuple(p95), note=note),
        Figure("dashboard", "CPU of the server meanwhile", "cores", tuple(cpu), note=note),
        Figure("dashboard", "memory of the server", "MB", tuple(memory), note=note),
    ]


async def _watched(
    url: str, process: psutil.Process, lake: OrdersLake, markets: tuple[Market, ...]
) -> tuple[tuple[float, ...], float, float]:
    """Delays in seconds, cores, and MB, while all of them look."""
    viewers = [Viewer() for _ in range(VIEWERS)]
    async with httpx.AsyncClient() as pages:
        for begin in range(0, VIEWERS, 10):
            await asyncio.gather(*(viewer.come(url, pages) for viewer in viewers[begin : begin + 10]))
    before, began = _cpu(process), time.monotonic()
    delays: list[float] = []
    for _ in range(_COMMITS):
        snapshot, committed = await asyncio.to_thread(_committed, lake, markets)
        await _until_seen(viewers, snapshot)
        delays += [viewer.seen[snapshot] - committed for viewer in viewers]
        await asyncio.sleep(max(0.0, _PAUSE_SECONDS - (time.time() - committed)))
    share = (_cpu(process) - before) / (time.monotonic() - began)
    resident = process.memory_info().rss / 1e6
    await asyncio.gather(*(viewer.socket.disconnect() for viewer in viewers))
    return tuple(delays), share, resident


async def _until_seen(viewers: list[Viewer], snapshot: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not all(snapshot in viewer.seen for viewer in viewers):
        if time.monotonic() > deadline:
            missing = sum(snapshot not in viewer.seen for viewer in viewers)
            raise HeadwaterError(
                f"{missing} of {len(viewers)} viewers have not seen snapshot {snapshot} within {_PATIENCE:.0f} s"
            )
        await asyncio.sleep(0.02)


def _committed(lake: OrdersLake, markets: tuple[Market, ...]) -> tuple[int, float]:
    """Write the last whole minute anew; give the snapshot and when it was there."""
    now = datetime.now(UTC)
    minute = now.replace(second=0, microsecond=0)
    snapshot = lake.write(list(rows_between(markets, minute - MINUTE, minute, seed=now.microsecond)), now)
    return snapshot, time.time()


@contextmanager
def _dashboard(stack: Stack, log: Path) -> Iterator[psutil.Process]:
    """The dashboard's process, answering."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.dashboard"],
            env={**os.environ, **stack.environment()},
            stdout=out,
            stderr=out,
        )
    try:
        _await(stack.dashboard_url, process, log)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5).status_code < 500:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise HeadwaterError(f"The dashboard did not come up: {log.read_text()[-500:]}")


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
