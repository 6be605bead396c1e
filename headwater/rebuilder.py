"""What the platform asks of the systems it runs on when it rebuilds a table; `resources/` implements it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from headwater.engines import ActualJob
from headwater.model import Model, TableName


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a job has read its inputs, each a topic's partition (`orders/0`) or a table (`dwd.orders`).

    Args:
        begins: The first record that each partition still has.
        read: The record, or the snapshot, that comes next; none for an input of which nothing has been read.
        ends: Behind the last one there is.
    """

    begins: Mapping[str, int]
    read: Mapping[str, int]
    ends: Mapping[str, int]

    def has_reached(self, ends: Mapping[str, int]) -> bool:
        """Everything before these ends has been read."""
        return all(
            self.read.get(name, -1) >= end for name, end in ends.items() if end > self.begins.get(name, 0) and end > 0
        )

    @property
    def records(self) -> tuple[int, int]:
        """Records of topics read, and how many there are."""
        done = sum(self.read.get(name, begin) - begin for name, begin in self.begins.items())
        return done, sum(self.ends[name] - begin for name, begin in self.begins.items())


@dataclass(frozen=True, slots=True)
class RowComparison:
    """Two tables with the same key, row by row.

    Args:
        same: Rows that are equal in both.
        changed: Rows with another value in at least one column.
        added: Rows of the second table whose key the first one has not.
        removed: Rows of the first table whose key the second one has not.
    """

    same: int
    changed: int
    added: int
    removed: int

    def __str__(self) -> str:
        return f"{self.same:,} rows the same, {self.changed:,} changed, {self.added:,} new, {self.removed:,} gone"


class Rebuilder(Protocol):
    """What puts a shadow's rows in place of its table's. Every call may raise HeadwaterError (unreachable)."""

    def reading(self, job: ActualJob, topics: Sequence[str], tables: Sequence[TableName]) -> Reading:
        """How far a job has read these topics and tables. What Flink says of topics may be ten seconds old."""
        ...

    def compare(self, model: Model) -> RowComparison:
        """The table of a model with a key against its shadow. Raises HeadwaterError with Flink's last cause."""
        ...

    def replace(self, model: Model) -> None:
        """Give the table its shadow's rows, in one commit. No job may write the table. Raises HeadwaterError."""
        ...

    def hand_over(self, model: TableName) -> None:
        """Make the state of the shadow's job, which has ended, the newest state of the model's."""
        ...

    def discard(self, model: TableName) -> None:
        """Remove the model's shadow, and what its job left. Its job must have ended."""
        ...
