from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from headwater.batch import Comparison, Literal, Operator
from headwater.sqltype import SqlType
from resources.paimon.predicate import native_filter


def pushed(sql_type: str, value: Literal) -> object:
    found = native_filter([Comparison("c", Operator.GREATER, (value,))], {"c": SqlType.parse(sql_type)})
    return None if found is None else found["literals"][0]


@pytest.mark.parametrize(
    ("sql_type", "value", "literal"),
    [
        ("INT", 5, 5),
        ("BIGINT", Decimal("5.0"), 5),
        ("DECIMAL(12, 2)", 5, Decimal(5)),
        ("DECIMAL(12, 2)", Decimal("1.5"), Decimal("1.5")),
        ("STRING", "x", "x"),
        ("BOOLEAN", True, True),
        ("DATE", date(2026, 11, 22), date(2026, 11, 22)),
        ("DATE", "2026-11-22", date(2026, 11, 22)),
        ("TIMESTAMP_LTZ(3)", "2026-11-22T03:00:00Z", datetime(2026, 11, 22, 3, tzinfo=UTC)),
        ("TIMESTAMP_LTZ(3)", datetime(2026, 11, 22, 3), datetime(2026, 11, 22, 3, tzinfo=UTC)),
        ("TIMESTAMP_LTZ(3)", "2026-11-22 11:00:00+08:00", datetime(2026, 11, 22, 3, tzinfo=UTC)),
        ("TIMESTAMP_LTZ(3)", date(2026, 11, 22), datetime(2026, 11, 22, tzinfo=UTC)),
        ("TIMESTAMP(3)", "2026-11-22 03:00:00", datetime(2026, 11, 22, 3)),
    ],
)
def test_a_literal_takes_exactly_the_columns_type(sql_type: str, value: Literal, literal: object) -> None:
    assert pushed(sql_type, value) == literal


@pytest.mark.parametrize(
    ("sql_type", "value"),
    [
        ("INT", Decimal("1.5")),
        ("INT", 2**31),
        ("INT", "5"),
        ("INT", True),
        ("DECIMAL(12, 2)", Decimal("1.005")),
        ("DECIMAL(4, 2)", 100),
        ("STRING", 5),
        ("CHAR(3)", "abc"),
        ("DATE", datetime(2026, 11, 22, 3, tzinfo=UTC)),
        ("DATE", "2026-11-22 03:00:00"),
        ("TIMESTAMP_LTZ(3)", "2026-11-22 03:00:00.123456"),
        ("TIMESTAMP_LTZ(3)", "yesterday"),
        ("TIMESTAMP(3)", "2026-11-22T03:00:00Z"),
        ("DOUBLE", 1),
        ("FLOAT", Decimal("1.5")),
        ("ARRAY<INT>", 1),
    ],
)
def test_a_literal_without_an_exact_equal_is_left_to_the_query(sql_type: str, value: Literal) -> None:
    assert pushed(sql_type, value) is None


def test_what_can_be_said_is_said_together_and_the_rest_left_out() -> None:
    types = {"a": SqlType.parse("INT"), "b": SqlType.parse("DOUBLE"), "c": SqlType.parse("STRING")}
    found = native_filter(
        [
            Comparison("a", Operator.IN, (1, 2)),
            Comparison("b", Operator.LESS, (1,)),
            Comparison("b", Operator.NULL),
            Comparison("missing", Operator.EQUAL, (1,)),
        ],
        types,
    )
    assert found == {
        "method": "and",
        "children": [
            {"method": "in", "field": "a", "literals": [1, 2]},
            {"method": "isNull", "field": "b", "literals": []},
        ],
    }
    assert native_filter([], types) is None
