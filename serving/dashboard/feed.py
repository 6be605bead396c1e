"""The one reader: makes a frame of every new snapshot, for all viewers together, from what has changed since."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from headwater.dashboard.dashboard import Dashboard
from headwater.engines import Snapshot
from headwater.model import Market
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon.store import FilesystemTableStore
from resources.paimon.touched import Partitions
from serving.dashboard.comparison import Against, days_needed
from serving.dashboard.frame import Block, Frame
from serving.dashboard.reading import Book, read_days
from serving.dashboard.rounds import Rounds

DEFAULTS = (Against(1), Against(7))
"""The days that are always at hand."""

_POLL_SECONDS = 1.0
_KEPT = timedelta(minutes=10)
_MOST_WANTED = 4
_MOST_COMMITS = 60


@dataclass(frozen=True, slots=True)
class State:
    """What there is to show.

    Args:
        frame: The newest numbers; None before the first.
        trouble: Why there is no newer frame, in words; "" when all is well.
        as_of: When the table was last asked for its snapshot.
    """

    frame: Frame | None = None
    trouble: str = ""
    as_of: datetime | None = None


class Feed:
    """Reads one dashboard's table in a thread of its own.

    Args:
        stack: Whose lake.
        dashboard: What is shown.
        markets: Those declared.
        watched: Whether anybody looks; while nobody does, nothing is read.
        changed: Called from the thread with every new state.
    """

    def __init__(
        self,
        stack: Stack,
        dashboard: Dashboard,
        markets: tuple[Market, ...],
        *,
        watched: Callable[[], bool] = lambda: True,
        changed: Callable[[State], None] = lambda state: None,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        self.dashboard = dashboard
        self.state = State()
        self._stack = stack
        self._markets = markets
        self._watched = watched
        self._changed = changed
        self._store = FilesystemTableStore(stack.lake)
        self._book = Book()
        self._blocks: dict[date, Block] = {}
        self._wanted: dict[Against, float] = {}
        self._lock = threading.Lock()
        self._rounds = Rounds(f"feed {dashboard.name}", self._round, poll_seconds)

    def start(self) -> None:
        """Begin to read."""
        self._rounds.start()

    def stop(self) -> None:
        """Read no more."""
        self._rounds.stop()

    def wake(self) -> None:
        """Look at once: somebody has come."""
        self._rounds.wake()

    def want(self, against: Against) -> None:
        """See to it that this day is in the next frames, for some minutes from now."""
        if against in DEFAULTS:
            return
        with self._lock:
            is_new = against not in self._wanted
            self._wanted[against] = time.monotonic()
            while len(self._wanted) > _MOST_WANTED:
                del self._wanted[min(self._wanted, key=self._wanted.__getitem__)]
        if is_new:
            self._rounds.wake()

    def look(self) -> None:
        """Make a new frame if there is a new snapshot, or a day that is wanted and not there."""
        try:
            snapshot = self._store.latest_snapshot(self.dashboard.table)
            if snapshot is None:
                self._tell(trouble=f"{self.dashboard.table} has no snapshot yet: nothing has been committed to it")
                return
            frame = self._next(snapshot)
        except HeadwaterError as error:
            self._tell(trouble=error.failed)
            return
        except Exception as error:
            logging.exception("%s could not be read", self.dashboard.table)
            self._tell(trouble=f"{self.dashboard.table} could not be read: {error}")
            return
        self._tell(frame=frame)

    def _round(self) -> None:
        if self.state.frame is None or self._watched():
            self.look()

    def _tell(self, frame: Frame | None = None, trouble: str = "") -> None:
        state = State(frame or self.state.frame, trouble, datetime.now(UTC))
        is_news = state.frame is not self.state.frame or state.trouble != self.state.trouble
        self.state = state
        if is_news:
            self._changed(state)

    def _next(self, snapshot: Snapshot) -> Frame:
        """The frame of this snapshot; the one that there is when nothing has changed."""
        before = self.state.frame
        is_new = before is None or before.snapshot != snapshot
        now = min(snapshot.watermark or datetime.now(UTC), datetime.now(UTC)).replace(second=0, microsecond=0)
        if before is not None and not is_new:
            now = before.now if snapshot.watermark else now
        needed = {day for against in self._comparisons() for day in days_needed(self._markets, now, against)}
        touched = self._touched(before.snapshot, snapshot) if is_new and before is not None else set()
        if touched is None:
            touched = set(self._blocks)
        missing = sorted(day for day in needed if day in touched or day not in self._blocks)
        if before is not None and not is_new and not missing and now == before.now:
            return before
        scales = dict(before.scales) if before else {}
        if missing or not scales:
            read, scales = read_days(self._stack.lake, self.dashboard, snapshot.id, missing, self._book)
            self._blocks |= read
        self._blocks = {day: block for day, block in self._blocks.items() if day in needed}
        number = before.number + 1 if before else 1
        return Frame(
            self.dashboard, snapshot, now, self._markets, self._book.slices, dict(self._blocks), scales, number
        )

    def _comparisons(self) -> tuple[Against, ...]:
        with self._lock:
            oldest = time.monotonic() - _KEPT.total_seconds()
            self._wanted = {against: at for against, at in self._wanted.items() if at > oldest}
            return (*DEFAULTS, *self._wanted)

    def _touched(self, before: Snapshot, after: Snapshot) -> set[date] | None:
        """The days whose rows commits behind one snapshot up to another may have changed; None when it cannot be told.

        A compaction changes no row.
        """
        if not self.dashboard.day or not 0 < after.id - before.id <= _MOST_COMMITS:
            return None
        try:
            if self._store.snapshot(self.dashboard.table, before.id) != before:
                return None
            snapshots = [self._store.snapshot(self.dashboard.table, n) for n in range(before.id + 1, after.id + 1)]
            if any(snapshot.schema_id != before.schema_id for snapshot in snapshots):
                return None
            partitions = Partitions(self._stack.lake, self.dashboard.table)
            found: set[date] = set()
            for snapshot in snapshots:
                if snapshot.kind != "COMPACT":
                    found.update(_day(part[self.dashboard.day]) for part in partitions.touched(snapshot.id))
        except (HeadwaterError, OSError, KeyError, ValueError, TypeError):
            return None
        return found


def _day(value: object) -> date:
    """A partition's day. Raises TypeError for anything else, such as the NULL of a default partition."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise TypeError(f"{value} is no day")
