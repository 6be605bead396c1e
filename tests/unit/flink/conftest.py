"""A Flink REST server that answers what a test has told it to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Answers:
    """Answers by `METHOD path`, one after the other, the last one for ever; everything asked is in `asked`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.url = ""
        self._answers: dict[str, list[tuple[int, Any]]] = {}

    def on(self, request: str, *answers: Any, status: int = 200) -> None:
        """Answer this request with these bodies."""
        self._answers.setdefault(request, []).extend((status, answer) for answer in answers)

    def next(self, request: str, body: Any) -> tuple[int, Any]:
        """The answer to a request. 0 hangs up without one."""
        self.asked.append(request)
        self.bodies.append(body)
        left = self._answers.get(request)
        if not left:
            return 404, {"errors": [f"nothing at {request}"]}
        return left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def flink() -> Iterator[Answers]:
    """The server; its address is `flink.url`."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = answers.next(f"{self.command} {self.path}", body)
            if status == 0:
                self.close_connection = True
                return
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answers.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield answers
    server.shutdown()
    server.server_close()
