"""When a text is a value of a type. The conditions themselves are run by Flink in the integration tests."""

import re

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
        ("DECIMAL(12, 2)", "TRY_CAST(x AS DECIMAL(12, 2))", "TRY_CAST(x AS DECIMAL(12, 2)) IS NOT NULL"),
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
        ("DATE", ["2026-11-22"], ["2026-11-22T00:00:00", "22.11.2026", "2026-1-2"]),
        (
            "TIMESTAMP_LTZ(3)",
            ["2026-11-22T03:04:05.678Z", "2026-11-22T03:04:05Z"],
            ["2026-11-22 03:04:05", "2026-11-22T03:04:05.678", "1763780645678", "yesterday"],
        ),
        ("TIMESTAMP(3)", ["2026-11-22T03:04:05.678"], ["2026-11-22T03:04:05.678Z", "2026-11-22"]),
    ],
)
def test_a_pattern_guards_where_the_cast_is_more_lenient_than_the_json_format(
    type_: str, good: list[str], bad: list[str]
) -> None:
    condition = text_is_valid("x", SqlType.parse(type_))
    found = re.search(r"REGEXP\(x, '(.*)'\) AND ", condition)
    assert found is not None
    assert [text for text in good if not re.search(found[1], text)] == []
    assert [text for text in bad if re.search(found[1], text)] == []
    assert condition.endswith("IS NOT NULL)")
