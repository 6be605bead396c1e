"""One figure of the suite: both sides of every round, their medians, and what is asked of the ratio."""

from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure keeps or does not keep; the bound itself keeps it."""

    bound: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        """The value is on the right side."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured.

    Args:
        id: The benchmark, such as `B1`; one benchmark may give several figures.
        name: What the figure says, unique within its benchmark.
        unit: Of both sides, such as `rows/s` or `s`.
        ours: One value a round; at least one.
        reference: The other side's, in the same rounds; empty for a figure that stands alone, whose goal is in `unit`.
        goal: Asked of the ratio of medians, or of our median when there is no reference; None when nothing is asked.
        note: What a reader must know to understand the figure.
    """

    id: str
    name: str
    unit: str
    ours: tuple[float, ...]
    reference: tuple[float, ...] = ()
    goal: Goal | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.ours:
            raise ValueError(f"{self.id} {self.name}: no round was measured")
        if self.reference and len(self.reference) != len(self.ours):
            raise ValueError(
                f"{self.id} {self.name}: {len(self.ours)} rounds of ours, {len(self.reference)} of the other"
            )

    @property
    def ratio(self) -> float | None:
        """Our median divided by the reference's; None for a figure that stands alone."""
        return median(self.ours) / median(self.reference) if self.reference else None

    @property
    def met(self) -> bool | None:
        """The goal is kept; None when there is none."""
        if self.goal is None:
            return None
        return self.goal.is_met(median(self.ours) if self.ratio is None else self.ratio)

    def as_dict(self) -> dict[str, Any]:
        """For programs: medians of both sides, the number of rounds, and the goal as a number."""
        return {
            "id": self.id,
            "name": self.name,
            "ours": _rounded(median(self.ours)),
            "reference": _rounded(median(self.reference)) if self.reference else None,
            "ratio": None if self.ratio is None else _rounded(self.ratio),
            "goal": self.goal.bound if self.goal else None,
            "met": self.met,
            "unit": self.unit,
            "rounds": len(self.ours),
            "note": self.note,
        }

    def as_record(self) -> dict[str, Any]:
        """For the results folder: everything, every round's values among it."""
        goal = {"bound": self.goal.bound, "at_least": self.goal.at_least} if self.goal else None
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": [_rounded(value) for value in self.ours],
            "reference": [_rounded(value) for value in self.reference],
            "goal": goal,
            "note": self.note,
        }

    @classmethod
    def from_record(cls, benchmark: str, said: dict[str, Any]) -> "Figure":
        """What `as_record` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        goal = said["goal"]
        return cls(
            id=benchmark,
            name=said["name"],
            unit=said["unit"],
            ours=tuple(said["ours"]),
            reference=tuple(said["reference"]),
            goal=Goal(goal["bound"], goal["at_least"]) if goal else None,
            note=said["note"],
        )


def ratio(figure: Figure) -> str:
    """The ratio with three decimals, so that it can be held against its goal; `–` when there is none."""
    return "–" if figure.ratio is None else f"{figure.ratio:.3f}"


def asked(figure: Figure) -> str:
    """The goal in words: `≤ 1.15` of a ratio, `≤ 60 s` of a figure that stands alone; `–` when there is none."""
    if figure.goal is None:
        return "–"
    return str(figure.goal) if figure.reference else f"{figure.goal} {figure.unit}"


def spread(values: tuple[float, ...]) -> str:
    """`min–median–max` in three or four significant digits; one number for one round; `–` for none."""
    if not values:
        return "–"
    if len(values) == 1:
        return number(values[0])
    return "–".join(number(value) for value in (min(values), median(values), max(values)))


def number(value: float) -> str:
    """`81,234`, `12.3`, `1.23`, `0.0123`."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 0.1 or size == 0 else f"{value:.3g}"


def percentile(values: tuple[float, ...], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank).

    Raises ValueError when there are no values.
    """
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 10_000) // 10_000))
    return ordered[int(rank) - 1]


def _rounded(value: float) -> float:
    """Six significant digits: a record is not longer than its precision."""
    return float(f"{value:.6g}")
