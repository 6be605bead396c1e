"""A real Redis, from Debian's packages, on a free loopback port."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.integration.debian import program
from tests.integration.waiting import eventually

_PROGRAM = "redis-server"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its address. The test is skipped where it cannot be had, but not in CI."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("w") as log:
        process = subprocess.Popen([program(_PROGRAM, _PROGRAM), *settings], stdout=log, stderr=subprocess.STDOUT)
    address = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(address)
    try:
        eventually(lambda: _answers(client), "Redis to answer", seconds=30)
        yield address
    finally:
        client.close()
        process.terminate()
        process.wait(20)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
