"""What each asset costs, measured now and then beside the looks."""

import logging
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from headwater.cost.bill import Bill
from headwater.stack import Stack
from resources.cost.bill import bill

_FIRST_SECONDS, _EVERY_SECONDS = 60.0, 1800.0
_PATIENCE_SECONDS = 300.0


class Costs:
    """The newest bill, measured in a thread.

    Counting every table's files takes libraries that are large and a second's work, so that is done in a process of
    its own, which then gives its memory back.

    Args:
        stack: Whose assets.
    """

    def __init__(self, stack: Stack) -> None:
        self.newest: Bill | None = None
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure_again_and_again, name="costs", daemon=True)

    def start(self) -> None:
        """Begin to measure: after a minute, then every half hour."""
        self._thread.start()

    def stop(self) -> None:
        """Measure no more."""
        self._stop.set()

    def measure(self) -> None:
        """Measure once. A bill that cannot be made leaves none, and is logged."""
        try:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                self.newest = pool.submit(bill, self._stack).result(_PATIENCE_SECONDS)
        except Exception:
            self.newest = None
            logging.exception("the costs could not be measured")

    def _measure_again_and_again(self) -> None:
        wait = _FIRST_SECONDS
        while not self._stop.wait(wait):
            self.measure()
            wait = _EVERY_SECONDS
