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

    def about(self, **labels: str) -> list[dict[str, Any]]:
        """The alerts in it that have these labels."""
        return [alert for alert in self.alerts if labels.items() <= alert["labels"].items()]


class Inbox:
    """Everything that came, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.came: list[Notification] = []

    def told(self, receiver: str, **labels: str) -> list[str]:
        """The states in which alerts with these labels were sent to one receiver."""
        return [each.status for each in self.came if each.receiver == receiver and each.about(**labels)]


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
