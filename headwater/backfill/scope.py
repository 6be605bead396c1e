"""Which rows of a table a backfill is about: days and markets, as a condition on the table's own columns."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from headwater.batch import Comparison, Operator
from headwater.model import Model

MARKET = "market"
"""The column that says of a row which market it belongs to."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Days of markets. Of a table that a stream keeps, days are those that its own columns say: UTC dates.

    Args:
        first: The first day.
        last: The last day, included.
        markets: Codes; none for all.
        without: Days in between that are left out.
    """

    first: date
    last: date
    markets: tuple[str, ...] = ()
    without: tuple[date, ...] = ()

    def __str__(self) -> str:
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        days += f" without {', '.join(map(str, self.without))}" if self.without else ""
        return days + (f" of {', '.join(self.markets)}" if self.markets else "")

    @property
    def is_empty(self) -> bool:
        """No day is left."""
        return (self.last - self.first).days < len(self.without)

    def leaving_out(self, days: Iterable[date]) -> "Scope":
        """The scope without these days."""
        return Scope(self.first, self.last, self.markets, tuple(sorted({*self.without, *days})))

    def widened(self, days: int) -> "Scope":
        """So many days more at either end."""
        return Scope(self.first - timedelta(days), self.last + timedelta(days), self.markets)

    def cut(self, days: int) -> Iterator["Scope"]:
        """The scope in pieces of at most so many days, in order."""
        start = self.first
        while start <= self.last:
            end = min(start + timedelta(days - 1), self.last)
            yield Scope(start, end, self.markets)
            start = end + timedelta(1)

    def before(self, day: date) -> "Scope | None":
        """What of it lies before a day; None when nothing does."""
        last = min(self.last, day - timedelta(1))
        return Scope(self.first, last, self.markets) if last >= self.first else None


@dataclass(frozen=True, slots=True)
class Place:
    """The columns of a table by which its rows belong to days and markets.

    Args:
        day: A DATE that the table is partitioned by, or the instant of its event time.
        is_date: It is a DATE.
        market: The column of the market; None when the rows of a table belong to no market.
        is_partitioned: Every row's partition says its day.
        has_market_partitions: Every row's partition says its market, too.
    """

    day: str
    is_date: bool
    market: str | None
    is_partitioned: bool
    has_market_partitions: bool

    def condition(self, scope: Scope) -> str:
        """DuckDB SQL, true for the rows of a scope; its session is in UTC."""
        column = f'"{self.day}"' if self.is_date else f'CAST("{self.day}" AS DATE)'
        said = f"{column} BETWEEN DATE '{scope.first}' AND DATE '{scope.last}'"
        if scope.without:
            days = ", ".join(f"DATE '{day}'" for day in scope.without)
            said += f" AND {column} NOT IN ({days})"
        if scope.markets and self.market is not None:
            codes = ", ".join(f"'{code}'" for code in scope.markets)
            said += f' AND "{self.market}" IN ({codes})'
        return said

    def comparisons(self, scope: Scope) -> tuple[Comparison, ...]:
        """The same for a scan, as far as it can tell."""
        found = []
        if self.is_date:
            found.append(Comparison(self.day, Operator.GREATER_EQUAL, (scope.first,)))
            found.append(Comparison(self.day, Operator.LESS_EQUAL, (scope.last,)))
        if scope.markets and self.market is not None:
            found.append(Comparison(self.market, Operator.IN, scope.markets))
        return tuple(found)

    def has_partition(self, scope: Scope, partition: Mapping[str, object]) -> bool:
        """Rows of this partition may be in the scope."""
        day, market = partition.get(self.day), partition.get(self.market or "")
        if isinstance(day, date) and (not scope.first <= day <= scope.last or day in scope.without):
            return False
        return not (scope.markets and self.has_market_partitions and market not in scope.markets)


def place_of(model: Model) -> Place | None:
    """How a table's rows belong to days; None when nothing of a row's key says it."""
    kinds = {column.name: column.type.root for column in model.columns}
    dates = [name for name in model.partition_by if kinds[name] == "DATE"]
    market = MARKET if MARKET in kinds else None
    if dates:
        return Place(dates[0], True, market, True, market in model.partition_by)
    clock = model.event_time.column if model.event_time else None
    if clock in model.key and kinds[clock] in ("TIMESTAMP_LTZ", "TIMESTAMP"):
        return Place(clock, False, market, False, False)
    return None
