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
        uncommitted_since: When the newest completed checkpoint ended, if it holds data of which the table has no
            snapshot yet.
        watermark: Up to which event time the job's windows have closed; None for a job without windows, or unknown.
        unmeasured: Why some of it is missing, or "".
    """

    sources: Mapping[TableName, SourceProgress] = field(default_factory=dict[TableName, SourceProgress])
    uncommitted_since: datetime | None = None
    watermark: datetime | None = None
    unmeasured: str = ""

    def has_kept_more(self, completed_at: datetime, committed_at: datetime | None) -> bool:
        """Whether a checkpoint that was complete at one moment holds data that the table's newest commit does not.

        A checkpoint without rows makes no commit: a job that hangs after one has nothing to commit, and what comes
        then waits to be read. A job tells its sources how far they are kept when its committer hears of a checkpoint
        too, so that data of a checkpoint waits in front of its source or is newer than the commit.
        """
        for source in self.sources.values():
            waits = source.unkept.since is not None and source.unkept.since <= completed_at
            if waits or (source.kept_at is not None and (committed_at is None or source.kept_at > committed_at)):
                return True
        return False


@dataclass(frozen=True, slots=True)
class TopicNews:
    """The newest record of a topic.

    Args:
        arrived: When it came to the broker; None for an empty topic.
        happened: Its event time, where the topic's declaration names a column for it and the record has one.
    """

    arrived: datetime | None = None
    happened: datetime | None = None
