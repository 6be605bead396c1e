"""How hard a job works, as its engine measures it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Slots:
    """The cluster's task slots. A job takes as many as it has subtasks: operators of different kinds share one."""

    free: int
    total: int

    @property
    def used(self) -> int:
        """Those that jobs hold."""
        return self.total - self.free


@dataclass(frozen=True, slots=True)
class Load:
    """One job's load at one moment.

    Args:
        busiest: The part of the job that works hardest: operators that Flink runs as one.
        busy: What share of its time that part works, 0 to 1, as the mean over its subtasks.
        bound: With more subtasks than this the part would have nothing more to do: the partitions of the topic that
            it reads, or 1 where there can be one only.
        backlog: Records that wait in the topics; None when it reads none, or they are not known yet.
        rate: Records that its sources read, a second.
        held_back: What share of its time the most hindered part waits for those after it, 0 to 1.
    """

    busiest: str
    busy: float
    bound: int
    backlog: int | None = None
    rate: float = 0.0
    held_back: float = 0.0


class LoadMeter(Protocol):
    """What measures the load of jobs. Every call may raise HeadwaterError, with `unreachable=True` or without."""

    def load(self, job_id: str) -> Load | None:
        """The job's load; None while there are no figures of all its parts yet."""
        ...

    def slots(self) -> Slots:
        """The cluster's slots. Those that a job gave back count as used for a minute or so."""
        ...
