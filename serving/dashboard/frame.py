"""The numbers that all pages show: a table of minutes at one snapshot, held in memory as running sums.

A day's rows lie ordered by slice and minute, beside the running sum of each column. So the sum of a slice between two
minutes is the difference of two entries, whichever span is asked for. Whole numbers and decimals are summed as whole
numbers, exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from headwater.dashboard.dashboard import Dashboard
from headwater.engines import Snapshot
from headwater.model import Market

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

DAY_MINUTES = 1440
_MOST_VIEWS = 600
_EPOCH = date(1970, 1, 1)

Sums = Mapping[str, "NDArray[np.int64] | NDArray[np.float64]"]
"""By column, in the column's last digit: a DECIMAL(12, 2) is counted in hundredths."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One combination of market and dimensions that the table has rows of; None stands for NULL."""

    market: str | None
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of one UTC day.

    Args:
        day: The day.
        place: Slice × 1440 + minute of the day, ascending.
        running: By column, what the rows before each place sum up to; one longer than `place`.
    """

    day: date
    place: "NDArray[np.int64]"
    running: Sums

    def sums(self, slices: "NDArray[np.int64]", starts: "NDArray[np.int64]", ends: "NDArray[np.int64]") -> Sums:
        """What these slices sum up to from one minute to before another, element by element.

        Args:
            slices: Numbers of slices; may be broadcast against the others.
            starts: Minutes since 1970; those outside of the day count as its ends.
            ends: The same.
        """
        import numpy as np

        first = first_minute(self.day)
        low = np.searchsorted(self.place, slices * DAY_MINUTES + np.clip(starts - first, 0, DAY_MINUTES))
        high = np.searchsorted(self.place, slices * DAY_MINUTES + np.clip(ends - first, 0, DAY_MINUTES))
        return {column: running[np.maximum(low, high)] - running[low] for column, running in self.running.items()}


@dataclass(frozen=True)
class Frame:
    """One snapshot of a dashboard's table. It never changes.

    Args:
        dashboard: What is shown.
        snapshot: Which snapshot of its table.
        now: The last whole minute up to which the table is complete; by the clock where its job has no watermark.
        markets: Those declared.
        slices: The rows' combinations; a slice's number is its place here.
        blocks: The days that are in memory.
        scales: How many decimal places each column's sums count in.
        number: Larger than that of every frame before.
    """

    dashboard: Dashboard
    snapshot: Snapshot
    now: datetime
    markets: tuple[Market, ...]
    slices: tuple[Slice, ...]
    blocks: Mapping[date, Block]
    scales: Mapping[str, int]
    number: int = 0
    _views: dict[object, object] = field(default_factory=dict, compare=False, repr=False)

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made once for all viewers who look at the same."""
        if key not in self._views:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            self._views[key] = make()
        return self._views[key]  # type: ignore[return-value]

    @cached_property
    def market_of(self) -> "NDArray[np.int64]":
        """Of each slice the place of its market in `markets`; -1 for one that is not declared."""
        import numpy as np

        places = {market.code: place for place, market in enumerate(self.markets)}
        return np.array([places.get(each.market or "", -1) for each in self.slices], dtype=np.int64)

    @cached_property
    def undeclared(self) -> tuple[str, ...]:
        """Codes of markets that rows have and nobody has declared: they have no zone, and are not shown."""
        known = {market.code for market in self.markets}
        return tuple(sorted({each.market or "NULL" for each in self.slices if each.market not in known}))

    def values(self, dimension: int) -> tuple[str | None, ...]:
        """What this dimension's column has, ordered."""
        return tuple(sorted({each.values[dimension] for each in self.slices}, key=lambda value: value or ""))

    def sums(self, chosen: "NDArray[np.int64]", starts: "NDArray[np.int64]", ends: "NDArray[np.int64]") -> Sums:
        """What slices sum up to over spans of minutes, added up over the days.

        Args:
            chosen: Numbers of slices, of a shape that goes with the others'.
            starts: Minutes since 1970.
            ends: The minutes behind the last.
        """
        import numpy as np

        shape = np.broadcast_shapes(chosen.shape, starts.shape, ends.shape)
        totals: dict[str, NDArray] = {
            column: np.zeros(shape, np.int64 if scale >= 0 else np.float64) for column, scale in self.scales.items()
        }
        if 0 in shape:
            return totals
        low, high = int(starts.min()), int(ends.max())
        for day, block in self.blocks.items():
            first = first_minute(day)
            if first < high and first + DAY_MINUTES > low:
                for column, found in block.sums(chosen, starts, ends).items():
                    totals[column] += found
        return totals

    def has(self, days: Sequence[date]) -> bool:
        """All of these days are in memory."""
        return all(day in self.blocks for day in days)


def first_minute(day: date) -> int:
    """The UTC day's first minute, in minutes since 1970."""
    return (day - _EPOCH).days * DAY_MINUTES


def minute_of(at: datetime) -> int:
    """An instant in whole minutes since 1970."""
    return int(at.timestamp() // 60)


def utc_days(starts_at: datetime, ends_at: datetime) -> tuple[date, ...]:
    """The UTC days of a span of instants."""
    first, last = minute_of(starts_at) // DAY_MINUTES, (minute_of(ends_at) - 1) // DAY_MINUTES
    return tuple(_EPOCH + timedelta(days=number) for number in range(first, last + 1))
