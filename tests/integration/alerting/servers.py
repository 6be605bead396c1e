"""A real HTTP server that takes, refuses or hangs, as a test tells it."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """A webhook. `answer` is a status, `hang`, or `kill <pid>`: the sender is killed before it is answered.

    `got` has the bodies of every request that was read whole.
    """

    answer: str = "200"
    got: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def changes(self) -> list[str]:
        return [body["incident"]["change"] for body in self.got]


@contextmanager
def served(hook: Hook) -> Iterator[Hook]:
    """The hook's server, on a port of its own, or on the one that it had before."""
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.got.append({"path": self.path, **body})
            if hook.answer == "hang":
                stopped.wait(60)
                return
            if hook.answer.startswith("kill "):
                os.kill(int(hook.answer.split()[1]), signal.SIGKILL)
                return
            self.send_response(int(hook.answer))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", hook.port), Handler)
    server.daemon_threads = True
    hook.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield hook
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
