"""The process `watch`: a look each ten seconds, outside of Dagster, so that it also tells of a dead Dagster."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable

from headwater.stack import Stack
from resources.alerting.alerting import Alerting
from resources.watch.board import Board
from resources.watch.costs import Costs
from resources.watch.dagster import DagsterEye
from resources.watch.looker import Looker
from resources.watch.picture import Picture
from resources.watch.server import WatchServer

_EVERY_SECONDS = 10.0


def watch(look: Callable[[], Picture], board: Board, stop: threading.Event, every: float = _EVERY_SECONDS) -> None:
    """Look until told to stop. A look that fails is logged and counted, and the next one comes all the same."""
    while not stop.is_set():
        began = time.monotonic()
        try:
            picture = look()
            board.put(picture, time.monotonic() - began)
        except Exception:
            logging.exception("a look failed")
            board.failed()
        stop.wait(max(1.0, every - (time.monotonic() - began)))


def main() -> None:
    """Run as a process of the local stack."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    stack = Stack.resolve()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    alerting = Alerting(stack)
    board = Board(alerting)
    server = WatchServer(stack.ports.watch, board)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    costs = Costs(stack)
    costs.start()
    watch(Looker(stack, DagsterEye(stack.dagster_url), lambda: costs.newest).look, board, stop)
    costs.stop()
    server.server_close()
    alerting.stop()


if __name__ == "__main__":
    main()
