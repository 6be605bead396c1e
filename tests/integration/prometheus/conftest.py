"""A warehouse of a test's own on the shared engines, looked at and watched by the real Prometheus."""

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.stack import Ports, Stack
from resources.watch.__main__ import watch
from resources.watch.board import Board
from resources.watch.consumer import NoAlerts
from resources.watch.dagster import DagsterEye
from resources.watch.looker import Looker
from resources.watch.server import WatchServer
from tests.integration.flink.events import EVENTS, declare_events, event
from tests.integration.flink.house import House
from tests.integration.prometheus.inbox import Inbox, inbox
from tests.integration.prometheus.programs import lay_out, running

_numbers = itertools.count(1)


@pytest.fixture
def events(stack: Stack, tmp_path: Path) -> Iterator[House]:
    """`dwd.events`: a copy of one topic; its job is gone afterwards."""
    house = House(stack, tmp_path / "warehouse", f"p{os.getpid()}_{next(_numbers)}")
    declare_events(house)
    yield house
    house.leave()


@pytest.fixture
def copying(events: House) -> House:
    """The same, with its job at work."""
    events.apply(EVENTS)
    events.send("event#", [event(1, 10)])
    events.await_values(EVENTS, ("id", "size"), [(1, 10)])
    return events


@pytest.fixture
def notified(copying: House, tmp_path: Path, free_ports: Ports) -> Iterator[Inbox]:
    """What Alertmanager sends about that warehouse."""
    stop = threading.Event()
    board = Board(NoAlerts())
    server = WatchServer(0, board)
    looker = Looker(copying.stack, DagsterEye(copying.stack.dagster_url))
    looking = threading.Thread(target=watch, args=(looker.look, board, stop, 1.0), daemon=True)
    for thread in (looking, threading.Thread(target=server.serve_forever, daemon=True)):
        thread.start()
    with inbox() as kept:
        folder = tmp_path / "prometheus"
        lay_out(folder, server.url, free_ports.gateway, kept.url)
        with running(folder, free_ports.kafka, free_ports.gateway):
            yield kept
    stop.set()
    server.shutdown()
    server.server_close()
    looking.join(60)
