"""How far a job has come with each of the tables that it reads, as the systems tell it. Times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from headwater.model import TableName


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in front of a step.

    Args:
        waiting: Records or snapshots.
        since: When the first of them came to where it waits; None when nothing waits.
    """

    waiting: int = 0
    since: datetime | None = None


NOTHING = Backlog()


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """One job's progress through a topic or a table.

    Args:
        unkept: What no completed checkpoint of the job holds yet, read or not.
        unread: The part of it that the job has not read; None where nobody was asked, which is only worth it when
            something waits for long.
        kept_at: When the newest record or snapshot came that a completed checkpoint holds; None where it is not known.
    """

    unkept: Backlog
    unread: Backlog | None = None
    kept_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobProgress:
    """One job's progress.

    Args:
        sources: Of each table that it reads.
        uncommitted_since: When the newest completed checkpoint ended, if the table has no snapshot of it yet.
        watermark: Up to which event time the job's windows have closed; None for a job without windows, or unknown.
        unmeasured: Why some of it is missing, or "".
    """

    sources: Mapping[TableName, SourceProgress] = field(default_factory=dict[TableName, SourceProgress])
    uncommitted_since: datetime | None = None
    watermark: datetime | None = None
    unmeasured: str = ""


@dataclass(frozen=True, slots=True)
class TopicNews:
    """The newest record of a topic.

    Args:
        arrived: When it came to the broker; None for an empty topic.
        happened: Its event time, where the topic's declaration names a column for it and the record has one.
    """

    arrived: datetime | None = None
    happened: datetime | None = None
