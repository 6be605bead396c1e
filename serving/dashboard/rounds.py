"""A thread that does one thing again and again."""

import logging
import threading
from collections.abc import Callable


class Rounds:
    """Goes round every so many seconds, and at once when it is woken, until it is stopped.

    Args:
        name: Of the thread, for the log.
        look: What each round does. One that raises is logged, and the next one comes all the same.
        seconds: Between two rounds.
    """

    def __init__(self, name: str, look: Callable[[], None], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Go the first round, and then on."""
        self._thread.start()

    def wake(self) -> None:
        """Go a round at once; after the one that is under way, if there is one."""
        self._wake.set()

    def stop(self) -> None:
        """Go no more rounds. Waits for the one that is under way, five seconds at most."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception:
                logging.exception("a round of %s failed", self._thread.name)
            self._wake.wait(self._seconds)
            self._wake.clear()
