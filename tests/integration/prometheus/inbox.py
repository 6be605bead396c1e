"""A web hook that keeps what it is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Notification:
    """What Alertmanager sent to one receiver: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config."""

    receiver: str
    status: str
    alerts: tuple[dict[str, Any], ...]

    @property
    def names(self) -> frozenset[str]:
        """Of the alerts in it."""
        return frozenset(alert["labels"]["alertname"] for alert in self.alerts)


class Inbox:
    """Everything that came, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.came: list[Notification] = []

    def of(self, receiver: str, alertname: str, status: str) -> list[Notification]:
        """What came to one receiver about one alert."""
        return [
            each for each in self.came if (each.receiver, each.status) == (receiver, status) and alertname in each.names
        ]


@contextmanager
def inbox() -> Iterator[Inbox]:
    """An inbox that is listening."""
    kept = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.came.append(Notification(said["receiver"], said["status"], tuple(said["alerts"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
