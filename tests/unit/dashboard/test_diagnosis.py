"""What a change is made of: the parts add up to it, and the guilty one is found."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from headwater.dashboard.dashboard import Measure
from serving.dashboard.comparison import Against
from serving.dashboard.diagnosis import Part, culprit, drivers, finest, parts, splits
from serving.dashboard.figures import Pair, total
from serving.dashboard.selection import Selection
from tests.unit.dashboard.frames import CANCELLED, CREATED, DASHBOARD, RATE, WAITING, frame_of, rows_of

NOW = datetime(2026, 11, 20, 15, 37, tzinfo=UTC)


def sums(created: int, cancelled: int) -> dict[str, Fraction]:
    return {
        "created": Fraction(created),
        "cancelled": Fraction(cancelled),
        "revenue": Fraction(0),
        "seconds": Fraction(0),
    }


@pytest.mark.parametrize("measure", [CREATED, CANCELLED, RATE, WAITING])
@pytest.mark.parametrize("seed", range(4))
def test_the_parts_of_every_split_add_up_to_the_change(measure: Measure, seed: int) -> None:
    frame = frame_of(rows_of(seed, NOW), NOW)
    selection = Selection((), ((), ()), measure.name, Against(7))
    after, before = total(frame, selection).of(measure)
    assert after is not None and before is not None
    found = splits(frame, selection, measure)
    assert set(found) == {"Market", "Kind", "Size"}
    for split in (*found.values(), finest(frame, selection, measure)):
        assert sum(part.effect for part in split) == after - before
        assert sum(part.weight for part in split) == 1


def test_a_ratios_part_is_its_own_change_and_that_of_its_weight() -> None:
    groups = {"a": Pair(sums(50, 10), sums(60, 6)), "b": Pair(sums(50, 5), sums(40, 4))}
    whole = Pair(sums(100, 15), sums(100, 10))
    by_name = {part.name: part for part in parts(RATE, groups, whole)}
    level = (Fraction(15, 100) + Fraction(10, 100)) / 2
    own = (Fraction(10, 50) - Fraction(6, 60)) * (Fraction(1, 2) + Fraction(6, 10)) / 2
    mix = (Fraction(1, 2) - Fraction(6, 10)) * ((Fraction(10, 50) + Fraction(6, 60)) / 2 - level)
    assert by_name["a"].effect == own + mix
    assert by_name["a"].effect + by_name["b"].effect == Fraction(5, 100)


def test_a_slice_that_cancels_without_creating_counts_too() -> None:
    groups = {"a": Pair(sums(0, 3), sums(0, 0)), "b": Pair(sums(10, 1), sums(10, 1))}
    whole = Pair(sums(10, 4), sums(10, 1))
    assert {part.name: part.effect for part in parts(RATE, groups, whole)} == {"a": Fraction(3, 10), "b": 0}


def test_a_sum_is_told_by_how_much_there_was_and_how_well_it_went() -> None:
    whole = Pair(sums(200, 30), sums(100, 10))
    (driver,) = drivers(CANCELLED, DASHBOARD, whole)
    assert driver.rate is RATE
    assert driver.by_volume == 100 * (Fraction(15, 100) + Fraction(10, 100)) / 2
    assert driver.by_volume + driver.by_rate == 20
    assert drivers(RATE, DASHBOARD, whole) == ()


def part(name: str, effect: int, weight: Fraction) -> Part:
    return Part(name, None, None, Fraction(effect), weight)


def test_the_slice_that_moved_out_of_proportion_is_named_and_not_the_largest() -> None:
    found = {
        "Market": [part("large", -60, Fraction(6, 10)), part("small", -40, Fraction(4, 10))],
        "Kind": [part("a", -90, Fraction(1, 10)), part("b", -10, Fraction(9, 10))],
    }
    guilty = culprit(found, Fraction(-100))
    assert guilty is not None and (guilty[0], guilty[1].name) == ("Kind", "a")


def test_nobody_is_blamed_for_a_change_that_is_spread_evenly_or_for_none() -> None:
    even = {"Market": [part("large", -60, Fraction(6, 10)), part("small", -40, Fraction(4, 10))]}
    assert culprit(even, Fraction(-100)) is None
    assert culprit(even, Fraction(0)) is None
    assert culprit({"Market": [part("only", -100, Fraction(1))]}, Fraction(-100)) is None
