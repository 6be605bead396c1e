"""Measures as numbers: today so far and the other day, for any group of slices."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from headwater.dashboard.dashboard import Measure
from serving.dashboard.comparison import Against, Spans, other_so_far, today_so_far
from serving.dashboard.frame import Frame, Slice, Sums
from serving.dashboard.selection import Selection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = Fraction | None
"""A measure's value, exact; None where it has none, as a ratio over nothing."""

Parts = Mapping[str, Fraction]
"""What the columns of one group of slices sum up to."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What one group of slices sums up to: today so far, and on the other day up to the same local time."""

    today: Parts
    other: Parts

    def of(self, measure: Measure) -> tuple[Value, Value]:
        """The measure's two values."""
        return value(measure, self.today), value(measure, self.other)


def value(measure: Measure, parts: Parts) -> Value:
    """The measure over these sums."""
    total = parts[measure.column]
    if not measure.per:
        return total
    return total / parts[measure.per] if parts[measure.per] else None


def change(before: Value, after: Value) -> Fraction | None:
    """By what part of itself a value has grown; None when there is nothing to grow from."""
    if before is None or after is None or not before:
        return None
    return (after - before) / abs(before)


def by_slice(frame: Frame, against: Against) -> tuple[Sums, Sums]:
    """What each slice sums up to today so far, and on the other day up to the same local time; kept in the frame."""
    spans = today_so_far(frame.markets, frame.now), other_so_far(frame.markets, frame.now, against)
    return frame.kept(("by slice", against), lambda: (_summed(frame, spans[0]), _summed(frame, spans[1])))


def total(frame: Frame, selection: Selection) -> Pair:
    """The pair of all slices that are chosen."""
    return pair(frame, selection.against, selection.slices(frame))


def pair(frame: Frame, against: Against, slices: "NDArray[np.int64]") -> Pair:
    """The pair of these slices."""
    today, other = by_slice(frame, against)
    return Pair(_parts(frame, today, slices), _parts(frame, other, slices))


def grouped(frame: Frame, selection: Selection, key: Callable[[Slice], str]) -> dict[str, Pair]:
    """The pairs of groups of the chosen slices, by what `key` calls each slice's group."""
    import numpy as np

    groups: dict[str, list[int]] = {}
    for number in selection.slices(frame):
        groups.setdefault(key(frame.slices[number]), []).append(int(number))
    return {name: pair(frame, selection.against, np.array(numbers, dtype=np.int64)) for name, numbers in groups.items()}


def _summed(frame: Frame, spans: Spans) -> Sums:
    import numpy as np

    slices = np.arange(len(frame.slices), dtype=np.int64)
    # An undeclared market has no day: its place, -1, gives an empty span.
    starts, ends = np.array([*spans.starts, 0]), np.array([*spans.ends, 0])
    return frame.sums(slices, starts[frame.market_of], ends[frame.market_of])


def _parts(frame: Frame, sums: Sums, slices: "NDArray[np.int64]") -> Parts:
    return {column: exact(found[slices].sum().item(), frame.scales[column]) for column, found in sums.items()}


def exact(number: int | float, scale: int) -> Fraction:
    """A sum in its column's own unit."""
    return Fraction(number, 10**scale) if isinstance(number, int) else Fraction(number)


def written(number: Value, places: int) -> str:
    """The value in digits, as SQL would give it, rounded to so many places; "" for none."""
    if number is None:
        return ""
    scaled = round(number * 10**places)
    return str(Decimal(scaled).scaleb(-places))
