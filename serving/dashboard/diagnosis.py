"""Why a measure has changed: which slices its change is made of, and whether there was less or it went worse.

A sum's change is the sum of its slices' changes. The change of a ratio is divided among the slices without a rest: what
each slice's own ratio did, at its mean weight, and what its weight did, at how far its mean ratio lies from the whole's
(the midpoint decomposition, as Bennet's for prices and amounts).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from headwater.dashboard.dashboard import Dashboard, Measure, Unit
from serving.dashboard.figures import Pair, Value, grouped, total
from serving.dashboard.frame import Frame, Slice
from serving.dashboard.selection import Selection, named

HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Part:
    """One slice's part in a change.

    Args:
        name: The slice.
        today: Its own value.
        other: On the other day.
        effect: How much of the whole's change it is.
        weight: What part of the whole it was on the other day.
    """

    name: str
    today: Value
    other: Value
    effect: Fraction
    weight: Fraction

    def surprise(self, whole: Fraction) -> Fraction:
        """How much more than its weight's part of the change it is."""
        return self.effect - whole * self.weight


@dataclass(frozen=True, slots=True)
class Driver:
    """A sum taken as another sum times a rate: how much of its change is that of each.

    Args:
        rate: The measure of the rate, as matched per created.
        by_volume: The change at an unchanged rate.
        by_rate: The change at an unchanged volume.
    """

    rate: Measure
    by_volume: Fraction
    by_rate: Fraction


def parts(measure: Measure, groups: Mapping[str, Pair], whole: Pair) -> tuple[Part, ...]:
    """Each group's part in the change of the whole, the greatest first. Their effects sum up to it."""
    split = _ratio_part if measure.is_ratio else _sum_part
    found = (split(measure, name, group, whole) for name, group in groups.items())
    return tuple(sorted(found, key=lambda part: (-abs(part.effect), part.name)))


def drivers(measure: Measure, dashboard: Dashboard, whole: Pair) -> tuple[Driver, ...]:
    """The declared rates that a sum's change can be told by."""
    found: list[Driver] = []
    for rate in dashboard.measures:
        if measure.is_ratio or rate.unit is not Unit.SHARE or rate.column != measure.column:
            continue
        rates, volumes = whole.of(rate), (whole.today[rate.per], whole.other[rate.per])
        if rates[0] is not None and rates[1] is not None:
            by_volume = (volumes[0] - volumes[1]) * (rates[0] + rates[1]) * HALF
            by_rate = (rates[0] - rates[1]) * (volumes[0] + volumes[1]) * HALF
            found.append(Driver(rate, by_volume, by_rate))
    return tuple(found)


def splits(frame: Frame, selection: Selection, measure: Measure) -> dict[str, tuple[Part, ...]]:
    """The change split by each dimension not filtered to one value, the market among them; by the dimension's label."""
    whole = total(frame, selection)
    found: dict[str, tuple[Part, ...]] = {}
    if len(selection.markets) != 1:
        names = {market.code: market.name for market in frame.markets}
        groups = grouped(frame, selection, lambda each: names[each.market or ""])
        found["Market"] = parts(measure, groups, whole)
    for place, dimension in enumerate(frame.dashboard.dimensions):
        if len(selection.values[place]) != 1:
            groups = grouped(frame, selection, lambda each, place=place: named(each.values[place]))
            found[dimension.label] = parts(measure, groups, whole)
    return found


def finest(frame: Frame, selection: Selection, measure: Measure) -> tuple[Part, ...]:
    """The change split by every combination that the filters leave open."""
    names = {market.code: market.name for market in frame.markets}
    open_places = [place for place, chosen in enumerate(selection.values) if len(chosen) != 1]

    def key(each: Slice) -> str:
        market = [] if selection.market else [names[each.market or ""]]
        return " · ".join([*market, *(named(each.values[place]) for place in open_places)]) or "all"

    return parts(measure, grouped(frame, selection, key), total(frame, selection))


def culprit(found: Mapping[str, Sequence[Part]], whole: Fraction) -> tuple[str, Part] | None:
    """The slice that moved the most out of proportion, with its dimension; None when the change is spread evenly.

    It moved as the whole did, and by a fifth of the whole's change more than its weight would explain.
    """
    candidates = [
        (abs(part.surprise(whole)), label, part)
        for label, split in found.items()
        for part in split
        if whole and part.effect * whole > 0 and part.surprise(whole) * whole > 0 and len(split) > 1
    ]
    if not candidates:
        return None
    size, label, part = max(candidates, key=lambda each: each[0])
    return (label, part) if size * 5 >= abs(whole) else None


def _sum_part(measure: Measure, name: str, group: Pair, whole: Pair) -> Part:
    today, other = group.today[measure.column], group.other[measure.column]
    of = whole.other[measure.column]
    return Part(name, today, other, today - other, other / of if of else Fraction(0))


def _ratio_part(measure: Measure, name: str, group: Pair, whole: Pair) -> Part:
    """The slice's contribution to the ratio, less what its weight alone would have brought at the whole's level.

    That is (w₁+w₂)/2·(r₂−r₁) + (w₂−w₁)·((r₁+r₂)/2−R), written so that a slice without a ratio of its own counts too.
    """
    today, other = group.of(measure)
    means = whole.of(measure)
    if means[0] is None or means[1] is None:
        return Part(name, today, other, Fraction(0), Fraction(0))
    weights = [group.today[measure.per] / whole.today[measure.per], group.other[measure.per] / whole.other[measure.per]]
    came = group.today[measure.column] / whole.today[measure.per]
    was = group.other[measure.column] / whole.other[measure.per]
    level = (means[0] + means[1]) * HALF
    return Part(name, today, other, came - was - (weights[0] - weights[1]) * level, weights[1])
