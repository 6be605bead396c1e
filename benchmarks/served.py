"""Processes that serve, on a folder of their own: feeder, API, the bare get, a Redis."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from headwater.problem import HeadwaterError
from headwater.stack import Stack

_SECONDS = 120.0


@contextmanager
def process(stack: Stack, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python module as a process of this stack's, ended when the block does."""
    stack.home.mkdir(parents=True, exist_ok=True)
    with (stack.home / "processes.log").open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", *command], env=os.environ | stack.environment(), stdout=log, stderr=log
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()


@contextmanager
def redis(port: int, folder: Path) -> Iterator[bool]:
    """A Redis on this port, once it answers; False where Debian's package is not there.

    Raises HeadwaterError when it never answers.
    """
    program = shutil.which("redis-server")
    if program is None or shutil.which("redis-benchmark") is None:
        yield False
        return
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(lambda: _pongs(port), f"Redis on port {port}")
        yield True
    finally:
        started.terminate()
        started.wait(20)


def redis_get(port: int, value: bytes) -> float:
    """The p99 in seconds of a GET of this value over eight connections, by Redis' own benchmark."""
    subprocess.run(["redis-cli", "-p", str(port), "-x", "SET", "row"], input=value, capture_output=True, check=True)
    command = ["redis-benchmark", "-p", str(port), "-c", "8", "-n", "50000", "--csv", "GET", "row"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    head, values = (line.strip().strip('"').split('","') for line in said[-2:])
    return float(dict(zip(head, values, strict=True))["p99_latency_ms"]) / 1000


def await_answer(url: str, headers: dict[str, str] | None = None) -> None:
    """Wait until this address answers with status 200. Raises HeadwaterError when it never does."""
    _await(lambda: _is_well(url, headers), url)


def _await(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise HeadwaterError(f"{what} did not answer in {_SECONDS:.0f} s", next_command="headwater bench B12 again")
        time.sleep(0.1)


def _is_well(url: str, headers: dict[str, str] | None) -> bool:
    try:
        return httpx.get(url, headers=headers, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _pongs(port: int) -> bool:
    """It has loaded, too: until then a Redis answers a PING with an error."""
    said = subprocess.run(["redis-cli", "-p", str(port), "PING"], capture_output=True, check=False).stdout
    return said.strip() == b"PONG"
