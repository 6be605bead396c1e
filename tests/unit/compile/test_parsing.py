"""When a text is a value of a type. The conditions themselves are run by Flink in the integration tests."""

import re
from datetime import date

import pytest

from headwater.compile.parsing import parsed, text_is_valid
from headwater.sqltype import SqlType


@pytest.mark.parametrize("type_", ["STRING", "VARCHAR(10)", "ARRAY<INT>", "MAP<STRING, INT>", "ROW<a INT>"])
def test_any_text_is_valid_for_texts_and_nested_types(type_: str) -> None:
    assert text_is_valid("x", SqlType.parse(type_)) == "TRUE"


@pytest.mark.parametrize(
    ("type_", "value", "valid"),
    [
        ("STRING", "x", "TRUE"),
        ("BOOLEAN", "TRY_CAST(x AS BOOLEAN)", "LOWER(x) IN ('true', 'false')"),
        ("DOUBLE", "TRY_CAST(x AS DOUBLE)", "TRY_CAST(x AS DOUBLE) IS NOT NULL"),
    ],
)
def test_a_text_is_cast(type_: str, value: str, valid: str) -> None:
    assert parsed("x", SqlType.parse(type_)) == value
    assert text_is_valid("x", SqlType.parse(type_)) == valid


def test_a_time_is_read_without_the_letters_that_flinks_cast_refuses() -> None:
    assert parsed("x", SqlType.parse("TIMESTAMP_LTZ(3)")) == (
        "TRY_CAST(REPLACE(REPLACE(x, 'T', ' '), 'Z', '') AS TIMESTAMP_LTZ(3))"
    )


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("BIGINT", ["12", "-12", "+1", " 7 "], ["12.7", "1e3", "", "0x1"]),
        ("DECIMAL(5, 2)", ["1", "-1.5", ".5", "2.", "1e2", " +7 "], ["x", ".", "e", "1x", "-", "1e", "", "--1"]),
        (
            "DATE",
            ["2026-11-22", "2024-02-29", "2000-02-29", "0004-02-29", "2026-01-31", "2026-04-30"],
            ["2026-11-22T00:00:00", "22.11.2026", "2026-1-2", "0000-01-01", "2026-02-29", "1900-02-29", "2026-04-31"],
        ),
        (
            "TIMESTAMP_LTZ(3)",
            ["2026-11-22T03:04:05.678Z", "2026-11-22T03:04:05Z"],
            ["2026-11-22 03:04:05", "2026-11-22T03:04:05.678", "1763780645678", "yesterday", "2026-11-22T24:00:00Z"],
        ),
        ("TIMESTAMP(3)", ["2026-11-22T03:04:05.678"], ["2026-11-22T03:04:05.678Z", "2026-11-22"]),
    ],
)
def test_a_pattern_guards_where_the_cast_is_more_lenient_than_the_json_format(
    type_: str, good: list[str], bad: list[str]
) -> None:
    condition = text_is_valid("x", SqlType.parse(type_))
    found = re.search(r"REGEXP\(x, '(.*)'\)", condition)
    assert found is not None
    assert [text for text in good if not re.search(found[1], text)] == []
    assert [text for text in bad if re.search(found[1], text)] == []


def test_the_pattern_of_a_day_lets_through_just_the_days_of_the_calendar() -> None:
    pattern = re.search(r"'(.*)'", text_is_valid("x", SqlType.parse("DATE")))
    assert pattern is not None
    for year in (1, 1899, 1900, 1904, 1999, 2000, 2023, 2024, 2100, 9996, 9999):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                assert bool(re.search(pattern[1], text)) == _is_day(year, month, day), text


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
