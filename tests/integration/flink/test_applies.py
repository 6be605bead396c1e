"""Applies that are killed in the middle, and two at once: one job writes each table, whatever happens."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from headwater.engines import JobState
from headwater.stack import Ports
from resources.applylog import applied
from tests.integration.flink.events import EVENTS, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

FILTERED = "SELECT id, size, seen_at FROM ods.event# WHERE id > {}\n"


def test_an_apply_killed_between_stop_and_start_is_gone_on_with_from_its_savepoint(events: House) -> None:
    events.send("event#", [event(1, 10)])
    events.apply(EVENTS)
    before = events.job(EVENTS).id
    events.write("dwd/events#/select.sql", FILTERED.format(0))
    with applying(events) as running:
        killed_at(running, "start job")
    assert not events.has_job(EVENTS)

    (start, _) = events.apply(EVENTS)
    assert start.startswith(f"start job {events.table(EVENTS)} from its savepoint of")
    assert f"savepoint-{before[:6]}-" in str(events.health(EVENTS).restored_from)
    events.send("event#", [event(2, 20)])
    events.await_values(EVENTS, ("id", "size"), [(1, 10), (2, 20)])


def test_an_apply_killed_while_flink_starts_its_job_is_gone_on_with_and_one_job_runs(events: House) -> None:
    events.send("event#", [event(1, 10)])
    # Neither is waited for: the job that the killed apply has asked for starts a moment later, or does not at all.
    for is_declared_again in (True, False):
        with intercepted(events.stack.ports.gateway, b"EXECUTE PLAN") as (port, arrived):
            with applying(events, gateway=port) as running:
                arrived(running.kill)
                assert running.wait(60) < 0
            if not is_declared_again:
                events.write("dwd/events#/select.sql", FILTERED.format(0))
            events.apply(EVENTS)
        assert events.job(EVENTS).state is JobState.RUNNING
        events.cancel(EVENTS)
    events.apply(EVENTS)
    events.await_values(EVENTS, ("id", "size"), [(1, 10)])


def test_an_apply_killed_while_it_waits_leaves_the_job_to_the_next_one(events: House) -> None:
    with applying(events) as running:
        killed_at(running, "wait until")
    job = events.job(EVENTS).id
    assert [line for line in events.apply(EVENTS) if not line.startswith("wait until")] == []
    assert events.job(EVENTS).id == job
    assert events.health(EVENTS).checkpoints_completed > 0


def test_a_second_apply_waits_for_the_first_and_says_which_that_is(events: House) -> None:
    with applying(events) as first:
        assert first.stderr is not None
        first.stderr.readline()
        told = events.apply(EVENTS)
        assert first.wait(60) == 0
    name = re.escape(str(events.table(EVENTS)))
    assert re.fullmatch(rf"wait for another apply: process {first.pid}, applying {name}, since [\d:]+ UTC", told[0])
    assert len(told) == 1
    assert events.job(EVENTS).state is JobState.RUNNING
    both = applied(events.stack)[-2:]
    assert [(each.doing, each.failed) for each in both] == [(f"applying {events.table(EVENTS)}", "")] * 2


@contextlib.contextmanager
def applying(house: House, *, gateway: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """`headwater apply` of `dwd.events` in a process of its own, which does not outlive the block."""
    places = house.stack.environment()
    if gateway is not None:
        places[Ports.variable("gateway")] = str(gateway)
    command = [str(Path(sys.executable).parent / "headwater"), "apply", "--yes", "--model", str(house.table(EVENTS))]
    process = subprocess.Popen(command, env=os.environ | places, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def killed_at(process: subprocess.Popen[str], stage: str) -> None:
    """Kill it when it tells of that stage."""
    assert process.stderr is not None
    assert any(line.startswith(stage) for line in process.stderr)
    process.kill()
    process.wait()


@contextlib.contextmanager
def intercepted(port: int, words: bytes) -> Iterator[tuple[int, Callable[[Callable[[], None]], None]]]:
    """A port that passes on to another one; what is given to `arrived` is done when these words have passed."""
    listener = socket.create_server(("127.0.0.1", 0))
    done: list[Callable[[], None]] = []

    def passed_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
                if words in data:
                    eventually(lambda: bool(done), "somebody who wants to know")
                    done[0]()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=passed_on, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], done.append
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
