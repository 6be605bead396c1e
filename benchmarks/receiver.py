"""A webhook that alerts are delivered to, and that can be away for a while."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivered:
    """A notice that has arrived.

    Args:
        incident: Its id.
        change: `opened`, `updated`, `repeated` or `resolved`.
        cause: What the alert names, as in `table:dwd.events_3`.
        opened_at: When it was decided that people be told, UTC.
    """

    incident: str
    change: str
    cause: str
    opened_at: datetime | None


class Receiver:
    """What has arrived. While it is away, every request is refused."""

    def __init__(self) -> None:
        self.away = False
        self._got: list[Delivered] = []
        self._lock = threading.Lock()

    def take(self, body: dict[str, Any]) -> None:
        """Keep a notice."""
        incident = body["incident"]
        opened = incident.get("opened_at")
        at = datetime.fromisoformat(opened) if opened else None
        with self._lock:
            self._got.append(Delivered(incident["id"], incident["change"], incident["cause"], at))

    def since(self, position: int) -> list[Delivered]:
        """What has arrived after so many."""
        with self._lock:
            return self._got[position:]

    @property
    def count(self) -> int:
        with self._lock:
            return len(self._got)


@contextmanager
def receiving() -> Iterator[tuple[Receiver, str]]:
    """A receiver, and its address for HEADWATER_NOTIFY."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not receiver.away:
                receiver.take(body)
            self.send_response(503 if receiver.away else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver, f"json://127.0.0.1:{server.server_address[1]}/alerts"
    finally:
        server.shutdown()
        server.server_close()
