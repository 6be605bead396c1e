"""What the process `watch` answers over HTTP, and that it goes on looking."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from resources.watch.__main__ import watch
from resources.watch.board import Board
from resources.watch.consumer import NoAlerts
from resources.watch.picture import Picture
from resources.watch.server import WatchServer
from tests.unit.watch.pictures import WELL, process, with_process


@pytest.fixture
def board() -> Board:
    return Board(NoAlerts())


@pytest.fixture
def client(board: Board) -> Iterator[httpx.Client]:
    """Asks a server of this board."""
    server = WatchServer(0, board)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with httpx.Client(base_url=server.url) as asking:
        yield asking
    server.shutdown()
    server.server_close()


def now(picture: Picture) -> Picture:
    """The same picture, made at this moment."""
    at = datetime.now(UTC)
    return replace(picture, at=at, dagster=replace(picture.dagster, at=None))


def test_health_is_200_when_all_is_well(client: httpx.Client, board: Board) -> None:
    board.put(now(WELL), 0.1)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["healthy"], answer.json()["troubles"]) == (200, True, [])


def test_health_is_503_and_says_what_is_dead_and_what_to_do(client: httpx.Client, board: Board) -> None:
    board.put(now(with_process(process("kafka", "FATAL"))), 0.1)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["troubles"] == [
        {
            "subject": "kafka",
            "what": "is FATAL: it has ended too often and was given up",
            "next": "headwater logs kafka; then headwater down and headwater up",
        }
    ]


def test_health_is_503_before_the_first_look(client: httpx.Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["as_of"]) == (503, None)


def test_metrics_are_plain_text_that_names_its_format(client: httpx.Client, board: Board) -> None:
    board.put(now(WELL), 0.1)
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "headwater_healthy 1.0" in answer.text


def test_alerts_are_those_of_the_one_who_makes_them(client: httpx.Client) -> None:
    assert client.get("/alerts").json() == {"alerts": []}


def test_an_address_that_is_not_there_names_those_that_are(client: httpx.Client) -> None:
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert "/healthz" in answer.json()["paths"]


@pytest.mark.parametrize("chunked", [True, False])
def test_what_flink_pushes_is_handed_on_as_it_came(client: httpx.Client, chunked: bool) -> None:
    body = b"flink_jobmanager_numRunningJobs 3.0\n" * 1000
    assert client.get("/metrics/jobmanager").status_code == 503
    sent = iter([body[:100], body[100:]]) if chunked else body
    assert client.put("/flink/metrics/job/jobmanager", content=sent).status_code == 202
    assert client.get("/metrics/jobmanager").content == body
    assert client.get("/metrics/taskmanager").status_code == 503
    assert 'headwater_flink_push_timestamp_seconds{process="jobmanager"}' in client.get("/metrics").text


def test_nobody_else_can_push(client: httpx.Client) -> None:
    assert client.put("/flink/metrics/job/somebody", content=b"x 1\n").status_code == 404


class Spoiled(NoAlerts):
    """Fails at the first picture, and asks for an end after the second."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self.seen = 0

    def look(self, picture: Picture) -> None:
        self.seen += 1
        if self.seen == 1:
            raise RuntimeError("no room on the disk")
        self.stop.set()


def test_a_look_that_fails_is_counted_and_logged_and_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    alerts = Spoiled(stop)
    board = Board(alerts)
    watch(lambda: now(WELL), board, stop, every=0)
    assert alerts.seen == 2
    assert "no room on the disk" in caplog.text
    assert "headwater_look_failures_total 1.0" in board.metrics.page("")[1].decode()


def test_what_is_answered_is_json_that_ends_in_a_new_line(client: httpx.Client) -> None:
    text = client.get("/healthz").text
    assert text.endswith("}\n")
    assert json.loads(text)
