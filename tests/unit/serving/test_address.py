"""Addresses as texts and as bytes."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headwater.model import Column
from headwater.serving.address import encode, parse, part, why_not_addressable
from headwater.sqltype import SqlType

VALUES: dict[str, some.SearchStrategy[Any]] = {
    "STRING": some.text(max_size=6) | some.text("a\0\x01\xff", max_size=5),
    "INT": some.integers(-(2**31), 2**31 - 1),
    "BIGINT": some.integers(-(2**63), 2**63 - 1),
    "BOOLEAN": some.booleans(),
    "DATE": some.dates(),
    "DECIMAL(38, 10)": some.integers(-(10**38) + 1, 10**38 - 1).map(
        lambda unscaled: Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -10))
    ),
    "TIMESTAMP_LTZ(6)": some.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=some.just(UTC)),
    "TIMESTAMP(3)": some.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
}
COLUMNS = {kind: Column("c", SqlType.parse(kind)) for kind in VALUES}


@given(some.data())
@pytest.mark.parametrize(
    "kinds",
    [*((kind,) for kind in VALUES), *(("STRING", kind) for kind in VALUES), *((kind, "STRING") for kind in VALUES)],
)
def test_bytes_sort_as_the_values_do(kinds: tuple[str, ...], data: Any) -> None:
    columns = [COLUMNS[kind] for kind in kinds]
    one, other = ([data.draw(VALUES[kind]) for kind in kinds] for _ in range(2))
    order = [_sortable(value) for value in one] < [_sortable(value) for value in other]
    assert (encode(one, columns) < encode(other, columns)) == order
    assert (encode(one, columns) == encode(other, columns)) == (one == other)


def _sortable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


@given(some.data())
@pytest.mark.parametrize("kind", list(VALUES))
def test_rows_below_a_part_are_those_whose_bytes_begin_with_it(kind: str, data: Any) -> None:
    columns = [COLUMNS[kind], COLUMNS["STRING"]]
    one, other = (data.draw(VALUES[kind]) for _ in range(2))
    whole = encode([one, data.draw(VALUES["STRING"])], columns)
    assert whole.startswith(encode([one], columns))
    assert whole.startswith(encode([other], columns)) == (one == other)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", "", ""),
        ("STRING", "a/b ü", "a/b ü"),
        ("VARCHAR(3)", "abc", "abc"),
        ("INT", "-0", 0),
        ("TINYINT", "-128", -128),
        ("BIGINT", "9223372036854775807", 2**63 - 1),
        ("BOOLEAN", "true", True),
        ("DECIMAL(5, 2)", "-1.5", Decimal("-1.5")),
        ("DATE", "2026-02-28", date(2026, 2, 28)),
        ("TIMESTAMP_LTZ(3)", "2026-11-22T08:00:00Z", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("TIMESTAMP_LTZ(3)", "2026-11-22T16:00:00.5+08:00", datetime(2026, 11, 22, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("TIMESTAMP(3)", "2026-11-22T08:00", datetime(2026, 11, 22, 8)),
    ],
)
def test_a_text_is_read_as_its_column_s_type(kind: str, text: str, value: Any) -> None:
    assert parse(text, SqlType.parse(kind)) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("VARCHAR(3)", "abcd"),
        ("TINYINT", "128"),
        ("INT", "1_000"),
        ("INT", " 1"),
        ("INT", "1\n"),
        ("INT", "٣"),
        ("INT", "9" * 5000),
        ("BOOLEAN", "True"),
        ("BOOLEAN", "1"),
        ("DECIMAL(5, 2)", "1.555"),
        ("DECIMAL(5, 2)", "1000"),
        ("DECIMAL(5, 2)", "NaN"),
        ("DECIMAL(5, 2)", "1e2"),
        ("DATE", "2026-02-30"),
        ("DATE", "20260228"),
        ("TIMESTAMP_LTZ(3)", "2026-11-22T08:00:00"),
        ("TIMESTAMP_LTZ(3)", "2026-11-22"),
        ("TIMESTAMP_LTZ(3)", "0001-01-01T00:00:00+14:00"),
        ("TIMESTAMP(3)", "2026-11-22T08:00:00Z"),
    ],
)
def test_a_text_of_another_kind_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is longer"):
        parse(text, SqlType.parse(kind))


def test_numbers_and_booleans_may_be_written_as_such_in_json() -> None:
    assert part(7, SqlType.parse("INT")) == part("7", SqlType.parse("INT")) == 7
    assert part(True, SqlType.parse("BOOLEAN")) is True
    for value, kind in ((True, "INT"), (1, "BOOLEAN"), (1, "STRING"), (1.0, "INT"), (None, "STRING"), ([], "STRING")):
        with pytest.raises(ValueError, match="is not"):
            part(value, SqlType.parse(kind))


def test_instants_that_are_one_are_one_address() -> None:
    column = COLUMNS["TIMESTAMP_LTZ(6)"]
    one = datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert encode([one], [column]) == encode([one.astimezone(None)], [column])
    assert encode([one + timedelta(microseconds=1)], [column]) > encode([one], [column])


@pytest.mark.parametrize("kind", ["DOUBLE", "ARRAY<INT>", "BYTES", "TIMESTAMP(9)", "ROW<a INT>", "TIME"])
def test_some_types_cannot_be_part_of_an_address(kind: str) -> None:
    assert why_not_addressable(SqlType.parse(kind))
