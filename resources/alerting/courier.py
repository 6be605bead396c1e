"""The courier of one destination: sends what is in the book for it, in order, until it has been taken."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from headwater.problem import HeadwaterError
from resources.alerting.addresses import Destination
from resources.alerting.book import Book, Unsent
from resources.alerting.notifier import Notifier

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
# The book is looked into this often even when nobody says that there is something new.
_IDLE_SECONDS = 60.0


class Courier:
    """Brings one destination its messages, in a thread of its own: one that hangs keeps no other waiting.

    A message that is not taken is tried again, with pauses that grow to five minutes, for as long as it takes; those
    after it wait, so that nobody hears that something is over before it began.
    """

    def __init__(
        self,
        book: Book,
        destination: Destination,
        notifier: Notifier,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._book = book
        self.destination = destination
        self._notifier = notifier
        self._clock = clock
        self._news = threading.Event()
        self._stopped = False
        # It does not keep the process alive: what is not sent is in the book.
        self._thread = threading.Thread(target=self._run, name=f"courier {destination.name}", daemon=True)

    def start(self) -> None:
        """Deliver from now on."""
        self._thread.start()

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopped = True
        self._news.set()

    def await_end(self, seconds: float) -> None:
        """Wait, once stopped, for the message that is under way: one that was taken is noted, and not sent again."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def deliver(self) -> timedelta | None:
        """Send what is due; how long until the next try, or None when nothing is left.

        Raises HeadwaterError when the book cannot be used.
        """
        while not self._stopped and (unsent := self._book.next_for(self.destination)) is not None:
            wait = unsent.due_at - self._clock()
            # A clock that was set back must not make a message wait for longer than it would have.
            if timedelta(0) < wait <= _LONGEST_PAUSE:
                return wait
            error = self._notifier.send(unsent.message)
            if error:
                self._refused(unsent, error)
            else:
                self._book.taken(unsent)
        return None

    def _refused(self, unsent: Unsent, error: str) -> None:
        pause = min(_FIRST_PAUSE * 2 ** min(unsent.attempts, 10), _LONGEST_PAUSE)
        self._book.refused(unsent, error, self._clock() + pause)
        if unsent.error != error:
            said = f"{self.destination.name} did not take an alert, which is kept and tried again: {error}\n"
            sys.stderr.write(said)
            sys.stderr.flush()

    def _run(self) -> None:
        while not self._stopped:
            self._news.clear()
            try:
                wait = self.deliver()
            except HeadwaterError as error:
                sys.stderr.write(f"{error}\n")
                wait = _FIRST_PAUSE
            self._news.wait(_IDLE_SECONDS if wait is None else wait.total_seconds())
