"""A table's lag, hop by hop: what waits in front of each step on the way from the source, and for how long.

A hop is measured by the age of the oldest data that has not come past it: the arrival of the first Kafka record, or the
commit of the first Paimon snapshot, that the step has not dealt with. Where nothing waits there is no lag, however long
ago the last event was: a source that is silent is quiet, not stale.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from headwater.model import Freshness, TableName

NO_TIME = timedelta(0)


class HopKind(StrEnum):
    """A step on the way of data into a table.

    READ: what the topic or the table above has, and the job has not read yet.
    CHECKPOINT: what the job has read, and no completed checkpoint holds yet: it is being worked on.
    COMMIT: what a completed checkpoint holds, and no snapshot of the table.
    WATERMARK: rows that windows hold back, since event time does not move on though the source does.
    """

    READ = "read"
    CHECKPOINT = "checkpoint"
    COMMIT = "commit"
    WATERMARK = "watermark"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of one table's job.

    Args:
        kind: Which step.
        table: Whose job it is.
        source: The table that the job reads here, a topic's ods table or another; the table itself for COMMIT and
            WATERMARK.
        age: Of the oldest data that has not come past this step; zero when nothing waits.
        own: The part of it that the data has spent here, and not before an earlier step of the same job.
        waiting: Records (of a topic) or snapshots (of a table) that have not come past; None where it is not counted.
    """

    kind: HopKind
    table: TableName
    source: TableName
    age: timedelta
    own: timedelta
    waiting: int | None = None

    @property
    def label(self) -> str:
        """The hop for people, as in `ods.orders → dwd.orders, read`."""
        way = str(self.table) if self.source == self.table else f"{self.source} → {self.table}"
        return f"{way}, {self.kind.value}"


class State(StrEnum):
    """What a table's lag comes to.

    FRESH: everything that the sources have is in the table, or has not waited for longer than is promised.
    QUIET: the same, and no source has had anything new for a while.
    LATE: beyond warn_after. STALE: beyond fail_after.
    UNKNOWN: nothing is promised, or nothing could be measured.
    """

    FRESH = "fresh"
    QUIET = "quiet"
    LATE = "late"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TableLag:
    """How far one table is behind everything that its sources have.

    Args:
        table: The table.
        at: When this was found, UTC.
        promise: What is declared, or None.
        hops: Every step from the sources into the table, those of the tables above it first.
        watermark_lag: From the newest snapshot's watermark to now (headwater.lag.event_time); None without one.
        newest_event: Of the newest record in the topics that feed it, when it happened; None when that is not known.
        newest_arrival: Of the newest record in the topics that feed it, when it came to the broker; None when there
            is none, or it is not known.
        quiet: No source has had anything new for a while.
        unmeasured: Why a part of the way could not be measured, or "".
    """

    table: TableName
    at: datetime
    promise: Freshness | None
    hops: tuple[Hop, ...]
    watermark_lag: timedelta | None = None
    newest_event: datetime | None = None
    newest_arrival: datetime | None = None
    quiet: bool = False
    unmeasured: str = ""

    @property
    def behind(self) -> timedelta | None:
        """The age of the oldest data that a source has and the table has not; None when it could not be measured.

        What cannot be measured is taken at its worst, which is how far the watermark lies back.
        """
        if self.unmeasured:
            return self.watermark_lag
        return max((hop.age for hop in self.hops), default=NO_TIME)

    @property
    def guilty(self) -> Hop | None:
        """The hop that eats most of the time, the one nearest to the source among equals; None when nothing waits."""
        return max((hop for hop in self.hops if hop.own > NO_TIME), key=lambda hop: hop.own, default=None)

    @property
    def state(self) -> State:
        """The lag against the promise."""
        found = judged(self.promise, self.behind)
        return State.QUIET if found is State.FRESH and self.quiet and not self.unmeasured else found


def judged(promise: Freshness | None, behind: timedelta | None) -> State:
    """FRESH, LATE or STALE; UNKNOWN without a promise or a figure."""
    if promise is None or behind is None:
        return State.UNKNOWN
    if behind > promise.fail_after:
        return State.STALE
    if promise.warn_after is not None and behind > promise.warn_after:
        return State.LATE
    return State.FRESH
