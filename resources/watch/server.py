"""What the process `watch` answers, on loopback: `/healthz`, `/metrics`, `/alerts`, and what Flink pushed."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from resources.watch.board import Board
from resources.watch.health import troubles
from resources.watch.pushes import LARGEST, SOURCES

_JSON = "application/json"
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PUSHED = "/flink/metrics/job/"
_SHOWN = "/metrics/"


class WatchServer(ThreadingHTTPServer):
    """Serves one board, each request in a thread of its own.

    Args:
        port: On 127.0.0.1; 0 for any that is free.
        board: What there is to tell.
    """

    daemon_threads = True

    def __init__(self, port: int, board: Board) -> None:
        self.board = board
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    @property
    def _board(self) -> Board:
        return cast(WatchServer, self.server).board

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/healthz":
            healthy, said = health(self._board, datetime.now(UTC))
            self._answer(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, _JSON, _dumped(said))
        elif path == "/metrics":
            kind, body = self._board.metrics.page(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, kind, body)
        elif path == "/alerts":
            self._answer(HTTPStatus.OK, _JSON, _dumped(self._board.alerts.as_json()))
        elif path.startswith(_SHOWN) and path.removeprefix(_SHOWN) in SOURCES:
            self._pushed(path.removeprefix(_SHOWN))
        else:
            self._answer(HTTPStatus.NOT_FOUND, _JSON, _dumped({"error": f"there is no {path}", "paths": _paths()}))

    def do_PUT(self) -> None:
        """A push of Flink's, as Prometheus' push gateway takes it."""
        source = self.path.removeprefix(_PUSHED)
        length = int(self.headers.get("Content-Length") or 0)
        chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if source not in SOURCES or length > LARGEST:
            self.close_connection = True
            self._answer(HTTPStatus.NOT_FOUND, _JSON, _dumped({"error": f"nothing is taken at {self.path}"}))
            return
        self._board.pushes.take(source, self._chunks() if chunked else self.rfile.read(length))
        self._answer(HTTPStatus.ACCEPTED, _JSON, b"")

    def _pushed(self, source: str) -> None:
        push = self._board.pushes.newest(source)
        if push is None:
            self._answer(
                HTTPStatus.SERVICE_UNAVAILABLE, _JSON, _dumped({"error": f"{source} has pushed nothing lately"})
            )
        else:
            self._answer(HTTPStatus.OK, _TEXT, push.body)

    def _chunks(self) -> bytes:
        """A body in chunks (RFC 9112, 7.1): Python's server reads none by itself."""
        parts: list[bytes] = []
        taken = 0
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            taken += size
            if taken > LARGEST:
                self.close_connection = True
                break
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for each scrape would be all that the log holds."""


def health(board: Board, now: datetime) -> tuple[bool, Mapping[str, Any]]:
    """Whether all is well, and what `/healthz` says.

    That is {healthy, as_of, age_seconds, troubles: [{subject, what, next}]}; both times are of the newest look.
    """
    picture = board.picture
    found = troubles(picture, now)
    return not found, {
        "healthy": not found,
        "as_of": picture.at.isoformat(timespec="seconds").replace("+00:00", "Z") if picture else None,
        "age_seconds": round((now - picture.at).total_seconds(), 1) if picture else None,
        "troubles": [{"subject": each.subject, "what": each.what, "next": each.next_command} for each in found],
    }


def _paths() -> list[str]:
    return ["/healthz", "/metrics", *(f"{_SHOWN}{source}" for source in SOURCES), "/alerts"]


def _dumped(said: Mapping[str, Any]) -> bytes:
    return (json.dumps(said, indent=2) + "\n").encode()
