"""What a batch run is: the partitions it makes, the snapshots it reads, what it asks of a scan, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from headwater.engines import Snapshot
from headwater.model import Grain, TableName

Literal = bool | int | Decimal | str | date | datetime


class Operator(StrEnum):
    """A comparison that a scan can evaluate. All but NULL are never true for a NULL value, as in SQL."""

    EQUAL = "="
    UNEQUAL = "<>"
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    IN = "IN"
    NULL = "IS NULL"
    NOT_NULL = "IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compared with literals: one for the orderings, any number for IN, none for the NULL tests.

    A string stands for itself, or, against a column of another type, for the value that SQL would cast it to.
    A datetime without a zone is UTC.
    """

    column: str
    operator: Operator
    values: tuple[Literal, ...] = ()


@dataclass(frozen=True, slots=True)
class TableScan:
    """What a query needs of a table at least: reading more columns or rows does not change the query's answer.

    Args:
        columns: None for all.
        where: Comparisons that all hold for every row that can matter.
    """

    columns: tuple[str, ...] | None = None
    where: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """By which path a table's rows were read.

    Args:
        files: Data files read as the Parquet that they are.
        merged: Data files whose rows were merged by key in DuckDB.
        native: Data files that Paimon's native reader read.
        reason: Why it did, of the first of them; "" when it read none.
    """

    files: int = 0
    merged: int = 0
    native: int = 0
    reason: str = ""

    @property
    def path(self) -> str:
        """`plain`, `merged`, `native`, or `mixed` when the native reader read some of the files; `empty` for none."""
        if self.native:
            return "mixed" if self.files or self.merged else "native"
        return "merged" if self.merged else "plain" if self.files else "empty"

    def __str__(self) -> str:
        parts = [f"{self.files} plain"] * bool(self.files) + [f"{self.merged} merged"] * bool(self.merged)
        parts += [f"{self.native} by the native reader, as {self.reason}"] * bool(self.native)
        return f"files: {', '.join(parts) or 'none'}"


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One local day, or month, of one market: what a report is made of. A month goes by its first date."""

    market: str
    local_date: date
    grain: Grain = Grain.DAY

    @property
    def period(self) -> str:
        """The day or the month as a person writes it: `2026-11-22`, `2026-11`."""
        return f"{self.local_date:%Y-%m}" if self.grain is Grain.MONTH else self.local_date.isoformat()

    def __str__(self) -> str:
        return f"{self.market}/{self.period}"


@dataclass(frozen=True, slots=True)
class PinnedInput:
    """A table, and the one snapshot of it that a run reads.

    Args:
        tag: A tag of that snapshot through which it is read, where one was named.
    """

    table: TableName
    snapshot: Snapshot
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One computation of some partitions of a report, over pinned inputs.

    Args:
        id: Unique among the runs of a stack; `<process id>-<hex>`, so that a dead run's leavings can be told.
    """

    id: str
    report: TableName
    partitions: tuple[Partition, ...]
    inputs: tuple[PinnedInput, ...]


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """What a run wrote for one partition.

    Args:
        starts_at: First instant of the local day or month.
        ends_at: First instant after it.
        complete: It was over when the run began, every input that has a watermark had passed its end, and every report
            that was read had its own partitions of that time complete.
        reason: Why it was written and what that changed, in words (headwater.edition).
    """

    partition: Partition
    starts_at: datetime
    ends_at: datetime
    rows: int
    complete: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReportResult:
    """What one run did.

    Args:
        partitions: Those that were written.
        snapshot_id: The commit in the report's own table; None when a run that only corrects found nothing to correct.
        seconds: Wall time, waiting for another run included.
        cpu_seconds: CPU of all threads of the process meanwhile.
        served: By which path each input was read.
    """

    run: BatchRun
    partitions: tuple[PartitionResult, ...]
    snapshot_id: int | None
    seconds: float
    cpu_seconds: float = 0.0
    served: Mapping[TableName, Served] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows written, over all partitions."""
        return sum(partition.rows for partition in self.partitions)

    @property
    def complete(self) -> bool:
        """Every partition was complete."""
        return all(partition.complete for partition in self.partitions)
