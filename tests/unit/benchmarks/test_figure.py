"""The arithmetic of the performance suite: medians, ratios, goals, and how they are shown."""

import json

import pytest

from benchmarks.figure import Figure, Goal, asked, number, percentile, ratio, spread


def _figure(**changes: object) -> Figure:
    values = {
        "id": "B1",
        "name": "throughput",
        "unit": "rows/s",
        "ours": (90.0, 100.0, 1000.0),
        "reference": (110.0, 80.0, 100.0),
        "goal": Goal(0.98, at_least=True),
        "note": "a note",
    }
    return Figure(**{**values, **changes})  # type: ignore[arg-type]


def test_the_ratio_is_that_of_the_medians_so_that_one_odd_round_changes_nothing() -> None:
    assert _figure().ratio == 1.0


def test_a_goal_is_kept_by_its_bound_itself() -> None:
    assert Goal(1.15).is_met(1.15)
    assert not Goal(1.15).is_met(1.1501)
    assert Goal(0.98, at_least=True).is_met(0.98)
    assert not Goal(0.98, at_least=True).is_met(0.9799)


def test_the_goal_is_asked_of_the_ratio() -> None:
    assert _figure().met is True
    assert _figure(ours=(90.0, 97.0, 97.0)).met is False
    assert _figure(goal=None).met is None


def test_without_a_reference_the_goal_is_asked_of_our_median() -> None:
    alone = _figure(id="up", unit="s", ours=(70.0, 50.0, 55.0), reference=(), goal=Goal(60))
    assert alone.ratio is None
    assert alone.met is True
    assert _figure(ours=(70.0, 61.0, 55.0), reference=(), goal=Goal(60)).met is False


def test_a_figure_needs_as_many_rounds_on_both_sides() -> None:
    with pytest.raises(ValueError, match="3 rounds of ours, 2 of the other"):
        _figure(reference=(1.0, 2.0))
    with pytest.raises(ValueError, match="no round"):
        _figure(ours=())


def test_json_has_the_agreed_keys_and_medians() -> None:
    assert json.loads(json.dumps(_figure().as_dict())) == {
        "id": "B1",
        "name": "throughput",
        "ours": 100.0,
        "reference": 100.0,
        "ratio": 1.0,
        "goal": 0.98,
        "met": True,
        "unit": "rows/s",
        "rounds": 3,
        "note": "a note",
    }


def test_json_of_a_figure_that_stands_alone_has_nulls() -> None:
    said = _figure(reference=(), goal=None).as_dict()
    assert (said["reference"], said["ratio"], said["goal"], said["met"]) == (None, None, None, None)


@pytest.mark.parametrize("goal", [None, Goal(1.5), Goal(0.98, at_least=True)])
def test_a_record_is_read_back_as_it_was(goal: Goal | None) -> None:
    figure = _figure(goal=goal)
    assert Figure.from_record("B1", json.loads(json.dumps(figure.as_record()))) == figure


def test_a_percentile_is_the_nearest_rank() -> None:
    hundred = tuple(float(value) for value in range(100, 0, -1))
    assert percentile(hundred, 0.5) == 50.0
    assert percentile(hundred, 0.99) == 99.0
    assert percentile((7.0,), 0.99) == 7.0
    assert percentile((1.0, 2.0), 0.99) == 2.0


def test_a_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile((), 0.5)


def test_a_spread_is_minimum_median_maximum() -> None:
    assert spread((3.0, 1.0, 2.0)) == "1.00–2.00–3.00"
    assert spread((81234.4,)) == "81,234"
    assert spread(()) == "–"


@pytest.mark.parametrize(
    ("value", "text"), [(81234.4, "81,234"), (12.345, "12.3"), (1.234, "1.23"), (0.01234, "0.0123"), (0.0, "0.00")]
)
def test_numbers_keep_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_ratio_is_never_rounded_up_to_its_goal_by_two_decimals() -> None:
    assert ratio(_figure(ours=(97.6,), reference=(100.0,))) == "0.976"
    assert ratio(_figure(reference=())) == "–"


def test_a_goal_names_its_unit_when_there_is_no_ratio() -> None:
    assert asked(_figure()) == "≥ 0.98"
    assert asked(_figure(unit="s", reference=(), goal=Goal(60))) == "≤ 60 s"
    assert asked(_figure(goal=None)) == "–"
