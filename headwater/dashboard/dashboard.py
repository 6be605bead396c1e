"""A declared dashboard as frozen values: the table of minutes behind it, and the measures that it shows."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headwater.model import TableName


class Unit(StrEnum):
    """What a measure's number is of.

    COUNT: things. MONEY: an amount in the market's currency. SECONDS: a time. SHARE: a part of one, shown in percent.
    """

    COUNT = "count"
    MONEY = "money"
    SECONDS = "seconds"
    SHARE = "share"


class Good(StrEnum):
    """Which direction of a measure is good news."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Measure:
    """A number that is shown: the sum of a column, or the ratio of two sums.

    Args:
        name: How addresses call it.
        label: How people call it.
        column: What is summed.
        per: The column whose sum it is divided by; "" for a plain sum.
    """

    name: str
    label: str
    column: str
    per: str = ""
    unit: Unit = Unit.COUNT
    good: Good = Good.UP
    description: str = ""

    @property
    def is_ratio(self) -> bool:
        """It is no sum: the whole is not what its parts add up to."""
        return bool(self.per)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is summed to get it."""
        return (self.column, self.per) if self.per else (self.column,)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A column that people filter and split by."""

    column: str
    label: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard.

    Args:
        name: The file's name without `.yaml`.
        table: A table with a row for each market, slice and minute.
        minute: Its column with the minute's first instant.
        market: Its column with the market's code.
        day: Its column with the UTC date of the minute, by which it is partitioned; "" when there is none.
        dimensions: What else its rows are by.
        measures: The first one is what the page is sorted by.
    """

    name: str
    file: Path
    title: str
    description: str
    owner: str
    table: "TableName"
    minute: str
    market: str
    day: str
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are summed, each once."""
        return tuple(dict.fromkeys(column for measure in self.measures for column in measure.columns))

    def measure(self, name: str) -> Measure:
        """The measure of this name. Raises KeyError when there is none."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(name)
