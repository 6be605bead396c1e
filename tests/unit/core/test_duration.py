"""Durations as a person writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.duration import format_duration, parse_duration

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@given(st.integers(1, 10**6), st.sampled_from(list(UNITS)))
def test_a_duration_is_a_number_of_its_unit(number: int, unit: str):
    assert parse_duration(f"{number}{unit}") == timedelta(milliseconds=number * UNITS[unit])


@given(st.integers(1, 10**10).map(lambda number: timedelta(milliseconds=number)))
def test_a_duration_is_read_back_as_it_is_written(duration: timedelta):
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("milliseconds", "written"), [(500, "500ms"), (90_000, "90s"), (7_200_000, "2h"), (604_800_000, "7d")]
)
def test_the_largest_unit_that_leaves_a_whole_number_is_written(milliseconds: int, written: str):
    assert format_duration(timedelta(milliseconds=milliseconds)) == written


@pytest.mark.parametrize("text", ["", "5", "s", "0s", "-5s", "1.5h", "1h30m", "5 s", "5S", "5w", "٣s", "5s\n"])
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a duration; write a whole number and a unit"):
        parse_duration(text)


def test_a_duration_beyond_what_time_can_hold_is_refused():
    with pytest.raises(ValueError, match="is longer than 999999999 days"):
        parse_duration("9999999999999d")


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(microseconds=1500), timedelta(seconds=-1)])
def test_what_is_no_whole_number_of_milliseconds_cannot_be_written(duration: timedelta):
    with pytest.raises(ValueError, match="is not a whole, positive number of milliseconds"):
        format_duration(duration)
