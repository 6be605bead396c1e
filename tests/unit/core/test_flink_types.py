"""Types held against what Flink 2.0.2 reported: DESCRIBE of a view of the expression, EXPLAIN of the INSERT."""

import json
from pathlib import Path

import pytest

from headwater.coercion import Fit, can_store, common_type
from headwater.model import Column, TableName
from headwater.query import Analysis, analyse
from headwater.sqltype import NULL, SqlType

HERE = Path(__file__).parent
TYPES = json.loads((HERE / "flink_types.json").read_text(encoding="utf-8"))
STORES = json.loads((HERE / "flink_stores.json").read_text(encoding="utf-8"))
SCHEMA = {TableName.parse("dwd.t"): tuple(Column(name, SqlType.parse(kind)) for name, kind in TYPES["columns"].items())}


def _analysed(expression: str) -> Analysis:
    return analyse(f"SELECT {expression} AS x FROM dwd.t AS t", Path("x.sql"), SCHEMA)


@pytest.mark.parametrize("expression", TYPES["known"])
def test_a_type_is_the_one_that_flink_reports(expression: str):
    analysis = _analysed(expression)
    assert [problem.message for problem in analysis.problems] == []
    assert str(analysis.outputs[0].type) == TYPES["known"][expression]


@pytest.mark.parametrize("expression", TYPES["not_worked_out"])
def test_a_type_that_is_not_worked_out_is_never_guessed(expression: str):
    analysis = _analysed(expression)
    assert analysis.problems
    assert analysis.outputs == ()


@pytest.mark.parametrize("source", STORES)
def test_a_type_can_be_stored_where_flink_stores_it(source: str):
    taken = [target for target in STORES if can_store(SqlType.parse(source), SqlType.parse(target)) is not Fit.REFUSED]
    assert taken == STORES[source]


@pytest.mark.parametrize(
    ("source", "target", "fit"),
    [
        ("DECIMAL(38, 2)", "DECIMAL(12, 2)", Fit.LOSES),
        ("DECIMAL(12, 2)", "DECIMAL(38, 2)", Fit.WIDENS),
        ("DECIMAL(12, 4)", "DECIMAL(38, 2)", Fit.LOSES),
        ("BIGINT", "DECIMAL(18, 0)", Fit.LOSES),
        ("BIGINT", "DECIMAL(19, 0)", Fit.WIDENS),
        ("BIGINT", "DOUBLE", Fit.LOSES),
        ("INT", "DOUBLE", Fit.WIDENS),
        ("BIGINT", "INT", Fit.REFUSED),
        ("STRING", "VARCHAR(10)", Fit.LOSES),
        ("CHAR(3)", "STRING", Fit.WIDENS),
        ("TIMESTAMP(3)", "TIMESTAMP_LTZ(3)", Fit.WIDENS),
        ("TIMESTAMP_LTZ(6)", "TIMESTAMP_LTZ(3)", Fit.LOSES),
        ("TIMESTAMP(3)", "DATE", Fit.LOSES),
        ("ARRAY<BIGINT>", "ARRAY<INT>", Fit.REFUSED),
        ("ARRAY<INT>", "ARRAY<BIGINT>", Fit.WIDENS),
        ("ROW<a DECIMAL(9, 2)>", "ROW<a DECIMAL(5, 2)>", Fit.LOSES),
    ],
)
def test_storing_tells_what_may_be_lost(source: str, target: str, fit: Fit):
    assert can_store(SqlType.parse(source), SqlType.parse(target)) is fit


def test_null_goes_anywhere():
    assert all(can_store(NULL, SqlType.parse(target)) is Fit.SAME for target in STORES)


def test_where_flink_itself_is_of_two_minds_no_common_type_is_given():
    # COALESCE gives TIMESTAMP_LTZ(3), CASE gives TIMESTAMP(3).
    assert common_type([SqlType("TIMESTAMP", (3,)), SqlType("TIMESTAMP_LTZ", (3,))]) is None
