"""Spelling of names, literals and durations in Flink SQL."""

from datetime import timedelta
from pathlib import Path

import pytest

from headwater.compile import text
from headwater.model import TableName


def test_quotes_inside_names_and_literals_are_doubled() -> None:
    assert text.identifier("a`b") == "`a``b`"
    assert text.identifiers(["a", "b"]) == "`a`, `b`"
    assert text.literal("it's") == "'it''s'"
    assert text.table(TableName.parse("dwd.orders"), "__x") == "`dwd`.`orders__x`"


@pytest.mark.parametrize(
    ("seconds", "spelled"),
    [
        (0.25, "0 00:00:00.250"),
        (20, "0 00:00:20.000"),
        (90, "0 00:01:30.000"),
        (36 * 3600 + 61, "1 12:01:01.000"),
    ],
)
def test_an_interval_of_any_length_can_be_written(seconds: float, spelled: str) -> None:
    assert text.interval(timedelta(seconds=seconds)) == f"INTERVAL '{spelled}' DAY TO SECOND(3)"


def test_a_duration_is_in_milliseconds() -> None:
    assert text.duration(timedelta(seconds=1.5)) == "1500 ms"


def test_a_path_is_never_percent_encoded() -> None:
    path = Path("/a folder/ü")
    assert text.file_uri(path) == "file:///a folder/ü"
    assert text.local_path(text.file_uri(path)) == path
    assert text.local_path("file:/a folder/ü") == path
