"""What a declared check asks of its table."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.model import TableName

TOLERANCE = 1e-9
"""By how much floating numbers may differ where nothing is declared: sums of doubles depend on the order of adding."""


@dataclass(frozen=True, slots=True)
class NotNull:
    """These columns are never NULL."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """`not_null_a_b`."""
        return "not_null_" + "_".join(self.columns)

    def __str__(self) -> str:
        return f"{', '.join(self.columns)} never NULL"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The column holds one of these values (or NULL)."""

    column: str
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """`accepted_a`."""
        return f"accepted_{self.column}"

    def __str__(self) -> str:
        return f"{self.column} is one of {', '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Range:
    """The column lies between these two, both included (or is NULL). A bound is as it was written; None for none."""

    column: str
    least: str | None
    most: str | None

    @property
    def name(self) -> str:
        """`range_a`."""
        return f"range_{self.column}"

    def __str__(self) -> str:
        bounds = [f"at least {self.least}"] if self.least is not None else []
        bounds += [f"at most {self.most}"] if self.most is not None else []
        return f"{self.column} is {' and '.join(bounds)}"


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows have the same values in these columns. As with UNIQUE in SQL, a row with a NULL there passes."""

    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """`unique_a_b`."""
        return "unique_" + "_".join(self.columns)

    def __str__(self) -> str:
        return f"{', '.join(self.columns)} stand once"


@dataclass(frozen=True, slots=True)
class Relation:
    """The values of these columns stand in another table's `theirs`. A row with a NULL among them passes."""

    columns: tuple[str, ...]
    to: "TableName"
    theirs: tuple[str, ...]

    @property
    def name(self) -> str:
        """`relation_a_b`."""
        return "relation_" + "_".join(self.columns)

    def __str__(self) -> str:
        return f"{', '.join(self.columns)} stand in {self.to} ({', '.join(self.theirs)})"


@dataclass(frozen=True, slots=True)
class Volume:
    """The newest whole local hour has about as many rows, by event time, as the same local hour of earlier weeks.

    Args:
        tolerance: By how much of their mean it may differ, as a share.
        weeks: How many weeks back.
        least: A mean below it is not judged: small numbers differ by chance.
    """

    tolerance: float
    weeks: int = 4
    least: int = 20

    @property
    def name(self) -> str:
        """`volume`: one table has one."""
        return "volume"

    def __str__(self) -> str:
        return f"rows of the newest whole local hour within {self.tolerance:.2%} of the {self.weeks} weeks before"


@dataclass(frozen=True, slots=True)
class Malformed:
    """At most this share of the records that came over the topics of this table within this time was rejected."""

    at_most: float
    within: timedelta = timedelta(hours=1)

    @property
    def name(self) -> str:
        """`malformed`: one table has one."""
        return "malformed"

    def __str__(self) -> str:
        return f"at most {self.at_most:.2%} of the records of its topics rejected"


@dataclass(frozen=True, slots=True)
class Late:
    """The table's windows dropped at most this share of the records that its job read, as late."""

    at_most: float

    @property
    def name(self) -> str:
        """`late`: one table has one."""
        return "late"

    def __str__(self) -> str:
        return f"at most {self.at_most:.2%} of the records read dropped as late"


@dataclass(frozen=True, slots=True)
class ParityCheck:
    """The table has the rows that batch gives over the same input.

    Args:
        every: It is not looked at more often.
        tolerance: By how much floating columns may differ, as a share of the larger value.
        repair: Rows that late data explains are written anew, and the check passes.
    """

    every: timedelta = timedelta(minutes=15)
    tolerance: float = TOLERANCE
    repair: bool = False

    @property
    def name(self) -> str:
        """`parity`: one table has one."""
        return "parity"

    def __str__(self) -> str:
        return "its rows are those that batch gives over the same input"


@dataclass(frozen=True, slots=True)
class SqlCheck:
    """The query in this file gives no row.

    Args:
        row_by_row: Each row that it gives comes from one row of the table itself, and it reads no other.
    """

    name: str
    file: Path
    sql: str
    row_by_row: bool = False

    def __str__(self) -> str:
        return f"{self.file.name} gives no row"


Kind = NotNull | Accepted | Range | Unique | Relation | Volume | Malformed | Late | ParityCheck | SqlCheck


class Severity(StrEnum):
    """What a failed check means: something to look at, or something that is wrong."""

    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One declared check of a table.

    Args:
        asks: What it asks.
        severity: What its failing means.
        blocking: While it fails, no report is made of the table.
    """

    asks: Kind
    severity: Severity = Severity.ERROR
    blocking: bool = False

    @property
    def name(self) -> str:
        """Its name among the checks of its table, in Dagster and on the command line."""
        return self.asks.name
