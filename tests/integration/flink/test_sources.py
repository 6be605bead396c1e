"""Values of a topic's fields, as the typed view of it reads them."""

import textwrap
from decimal import Decimal
from typing import Any

import pytest

from headwater.plan.stages import SubmitJob
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

_DAYS = ("2026-11-22", "2024-02-29", "0004-02-29", "9999-12-31", "0001-01-01")
_NO_DAYS = ("2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "0000-01-01", "2026-1-2", "")
_TIMES = ("T03:04:05", "T23:59:59.9", "T00:00:00.123456789")
_NO_TIMES = ("", " 03:04:05", "T24:00:00", "T03:04:60", "T3:04:05", "T03:04", "T03:04:05.", "T03:04:05.1234567890")
_GOOD = {
    "day": _DAYS,
    "moment": [f"{day}{time}Z" for day in _DAYS for time in _TIMES],
    "local": [f"{day}{time}" for day in _DAYS for time in _TIMES],
    "number": ["12", "-12", " 7 ", "9223372036854775807"],
    "flag": ["true", "FALSE"],
    "amount": ["1.5", "-999.99", "1e2"],
}
_BAD = {
    "day": [*_NO_DAYS, "2026-11-22T00:00:00"],
    "moment": [
        *(f"{day}{time}" for day in _DAYS for time in (*_TIMES, *_NO_TIMES)),
        *(f"{day}T03:04:05Z" for day in _NO_DAYS),
        *(f"2026-11-22{time}Z" for time in _NO_TIMES),
    ],
    "local": [*(f"{day}T03:04:05" for day in _NO_DAYS), *(f"2026-11-22{time}" for time in (*_NO_TIMES, "T03:04:05Z"))],
    "number": ["12.7", "1e3", "", "x", "9223372036854775808"],
    "flag": ["", "1", "yes"],
    "amount": ["", "x", "1x", ".", "many", "1000"],
}


def test_a_text_that_is_a_value_is_read_and_any_other_is_left_out(house: House) -> None:
    types = "day: {type: DATE}, moment: {type: TIMESTAMP_LTZ(3)}, local: {type: TIMESTAMP(6)}, number: {type: BIGINT}"
    types += ", flag: {type: BOOLEAN}, amount: {type: 'DECIMAL(5, 2)'}"
    house.source("text", "id: {type: STRING, required: true}\n" + types.replace(", ", "\n").replace("(5\n", "(5, "))
    house.write(
        "dwd/texts#/table.yaml",
        f"description: texts\nowner: tests\nkey: [id]\ncolumns: {{id: {{type: STRING}}, {types}}}\n"
        "job: {checkpoint_interval: 500ms}\n",
    )
    house.write("dwd/texts#/select.sql", "SELECT * FROM ods.text#\n")
    told = [
        (f"{column} «{text}»", column, text) for texts in (_GOOD, _BAD) for column in texts for text in texts[column]
    ]
    house.send("text#", [{"id": name, column: text} for name, column, text in told])
    house.send("text#", [{"id": "the last"}])
    house.apply("dwd.texts#")
    eventually(lambda: any(row["id"] == "the last" for row in house.rows("dwd.texts#")), "the last record")
    read = {row["id"]: row for row in house.rows("dwd.texts#")}
    good = [(name, column) for name, column, text in told if text in _GOOD[column]]
    assert sorted(read) == sorted([*(name for name, _ in good), "the last"])
    assert [name for name, column in good if read[name][column] is None] == []


def test_an_optional_decimal_keeps_every_digit(house: House) -> None:
    columns = "id: {type: BIGINT, required: true}\namount: {type: 'DECIMAL(20, 2)'}\n"
    house.source("bill", columns, form="debezium-json", key="[id]")
    house.write(
        "dwd/bills#/table.yaml",
        """
        description: bills
        owner: tests
        key: [id]
        columns: {id: {type: BIGINT}, amount: {type: 'DECIMAL(20, 2)'}}
        job: {checkpoint_interval: 500ms}
        """,
    )
    house.write("dwd/bills#/select.sql", "SELECT id, amount FROM ods.bill#\n")
    record = '{{"before": null, "after": {{"id": {}, "amount": {}}}, "op": "c", "ts_ms": 1}}'
    amounts = ["12345678901234567.89", '"1.50"', "null", '"many"', "0.1"]
    house.send("bill#", [record.format(number, amount) for number, amount in enumerate(amounts)])
    house.apply("dwd.bills#")
    expected = [(0, Decimal("12345678901234567.89")), (1, Decimal("1.50")), (2, None), (4, Decimal("0.10"))]
    house.await_values("dwd.bills#", ("id", "amount"), expected)


_ROW = {"name": "a", "rank_": 7, "at_": "2026-11-22T03:04:05.678Z"}
_CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "created": ({"op": "c", "before": None, "after": _ROW}, True),
    "read by a snapshot": ({"op": "r", "after": _ROW}, True),
    "updated": ({"op": "u", "before": _ROW, "after": _ROW}, True),
    "updated from an empty row": ({"op": "u", "before": {}, "after": _ROW}, True),
    "with more fields": ({"op": "c", "after": {**_ROW, "more": [{"a": 1}]}, "source": {"pos": 4}}, True),
    "without an optional field": ({"op": "c", "after": {**_ROW, "rank_": None, "name": None}}, True),
    "updated from nothing": ({"op": "u", "before": None, "after": _ROW}, False),
    "updated from a text": ({"op": "u", "before": "a", "after": _ROW}, False),
    "deleted": ({"op": "d", "before": _ROW, "after": None}, False),
    "created as nothing": ({"op": "c", "before": None, "after": None}, False),
    "created as a text": ({"op": "c", "after": "a"}, False),
    "truncated": ({"op": "t", "after": _ROW}, False),
    "without an operation": ({"after": _ROW}, False),
    "without a required field": ({"op": "c", "after": {**_ROW, "at_": None}}, False),
    "with a wrong required field": ({"op": "c", "after": {**_ROW, "at_": "soon"}}, False),
    "with a wrong optional field": ({"op": "c", "after": {**_ROW, "rank_": "first"}}, False),
    "with an object in a scalar": ({"op": "c", "after": {**_ROW, "at_": {"a": 1}}}, False),
}
_NO_CHANGES = ("no json", '{"op": "c"', "[1]", '"c"', "null", b"\xff\xfe")


_COLUMNS = """
id: {type: STRING, required: true}
name: {type: STRING}
rank_: {type: BIGINT}
at_: {type: TIMESTAMP_LTZ(3), required: true}
"""
_ALONE = "SELECT id, name, rank_, at_ FROM ods.seen#"
_AMONG = """
SELECT id, name, rank_, at_
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY at_ DESC) AS n FROM ods.seen#)
WHERE n = 1
"""


@pytest.mark.parametrize(("sql", "form"), [(_ALONE, "json"), (_AMONG, "debezium-json")], ids=["one row", "both rows"])
def test_a_change_is_the_same_whether_one_row_of_it_is_read_or_both(house: House, sql: str, form: str) -> None:
    house.source("seen", _COLUMNS, form="debezium-json", key="[id]")
    columns = textwrap.indent(_COLUMNS.replace(", required: true", ""), "  ")
    house.write(
        "dwd/seen#/table.yaml",
        f"description: seen\nowner: tests\nkey: [id]\ncolumns:{columns}\n"
        "flows: {select: {sequence: at_}}\njob: {checkpoint_interval: 500ms}\n",
    )
    house.write("dwd/seen#/select.sql", sql)
    (job,) = (stage.job for stage in house.plan("dwd.seen#").stages if isinstance(stage, SubmitJob))
    assert f"'format' = '{form}'" in "".join(job.bindings)
    house.send("seen#", [_identified(name, change) for name, (change, _) in _CHANGES.items()])
    house.send("seen#", [*_NO_CHANGES, {"op": "c", "after": {**_ROW, "id": "the last"}}])
    house.apply("dwd.seen#")
    expected = sorted([*(name for name, (_, is_read) in _CHANGES.items() if is_read), "the last"])
    house.await_values("dwd.seen#", ("id",), [(name,) for name in expected])


def _identified(name: str, change: dict[str, Any]) -> dict[str, Any]:
    rows = {key: {"id": name, **change[key]} for key in ("before", "after") if isinstance(change.get(key), dict)}
    return change | rows
