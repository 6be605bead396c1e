"""Looking at something again and again, from a thread, while something else goes on."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Looking:
    """Calls `look` every so many seconds until the block ends.

    Args:
        look: What to do each time. When it raises, no more looks are taken; `check` raises it again.
        every: Seconds between two looks.
    """

    look: Callable[[], None]
    every: float
    _failure: Exception | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Looking":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> None:
        """Raise what the looking could not go on after."""
        if self._failure is not None:
            raise self._failure

    def _watch(self) -> None:
        while not self._stop.wait(self.every):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001
                self._failure = error
                return
