"""A real Redis, from Debian's packages, on a free loopback port."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import redis

from tests.integration.waiting import eventually

_PACKAGE = "redis-server"


@cache
def _installed() -> str | None:
    """The program; as root it is installed where it is not there."""
    if not shutil.which(_PACKAGE) and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", _PACKAGE]):
            subprocess.run(command, capture_output=True, check=False, timeout=240)
    return shutil.which(_PACKAGE)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Its address. The test is skipped where it cannot be had, but not in CI."""
    program = _installed()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs Debian's package {_PACKAGE}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("w") as log:
        process = subprocess.Popen([program, *settings], stdout=log, stderr=subprocess.STDOUT)
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
