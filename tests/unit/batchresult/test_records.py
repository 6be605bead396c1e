"""What becomes of single records: sound, rejected, or not known to be read alike."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest

from headwater.batchsql.topic import UNCLEAR, topic_rows
from headwater.model import Column, EventTime, Layer, Model, TableName, Topic, TopicFormat
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType

_COLUMNS = {
    "id": "BIGINT!",
    "price": "DECIMAL(12, 2)",
    "at": "TIMESTAMP_LTZ(3)",
    "day": "DATE",
    "city": "STRING",
    "open": "BOOLEAN",
}


def model(form: TopicFormat = TopicFormat.JSON, columns: dict[str, str] | None = None) -> Model:
    declared = [
        Column(name, SqlType.parse(kind.rstrip("!")), required=kind.endswith("!"))
        for name, kind in (columns or _COLUMNS).items()
    ]
    return Model(
        TableName(Layer.ODS, "things"), Path("t"), "", "", tuple(declared), topic=Topic("things", form),
        event_time=EventTime("at"),
    )  # fmt: skip


def read(values: list[Any], declared: Model | None = None, *, before: bool = False) -> list[dict[str, Any]]:
    texts = [value if isinstance(value, str | None) else json.dumps(value) for value in values]
    table = pyarrow.table(
        {
            "kafka_partition": pyarrow.array([0] * len(texts), pyarrow.int32()),
            "kafka_offset": pyarrow.array(range(len(texts)), pyarrow.int64()),
            "received_at": pyarrow.array([0] * len(texts), pyarrow.timestamp("ms", "UTC")),
            "value": pyarrow.array(texts, pyarrow.string()),
            "is_new": pyarrow.array([False] * len(texts)),
        }
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("records", table)
        sql = topic_rows(declared or model(), "records", before=before).sql
        return connection.sql(f"SELECT * FROM ({sql}) ORDER BY headwater_order").to_arrow_table().to_pylist()


@pytest.mark.parametrize(
    "record",
    [
        None,
        "",
        "<html>",
        "[1]",
        '"text"',
        '{"id": 1} and more',
        {},
        {"id": None},
        {"id": "A-17"},
        {"id": 1, "price": "abc"},
        {"id": 1, "at": "yesterday"},
        {"id": 1, "at": 17},
        {"id": 1, "day": "22/11/2026"},
        {"id": {"no": 1}},
    ],
)
def test_a_record_that_the_typed_view_leaves_out_gives_no_row(record: Any) -> None:
    assert read([record]) == []


@pytest.mark.parametrize(
    "record",
    [
        {"id": 12.0},
        {"id": 2**70},
        {"id": 1, "price": 12345678901234567.25},
        {"id": 1, "city": {"name": "x"}},
        {"id": 1, "city": 12.50},
        {"id": 1, "open": "yes"},
        {"id": 1, "at": "2026-11-22T03:04Z"},
        {"id": 1, "at": "2026-02-30T03:04:05Z"},
        '{"id": 1, "other": NaN}',
        '{"id": 1,}',
    ],
)
def test_a_record_that_the_engines_may_read_differently_is_said_to_be_unclear(record: Any) -> None:
    assert [row[UNCLEAR] for row in read([record])] == [True]


def test_sound_values_are_read_as_flink_reads_them() -> None:
    (row,) = read(
        [
            {
                "id": " 7 ",
                "price": "1.005",
                "at": "2026-11-22T03:04:05.678999Z",
                "day": "2028-02-29",
                "city": "São Paulo, {x}",
                "open": "TRUE",
                "other": [1],
            }
        ]
    )
    told = {name: str(value) for name, value in row.items() if not name.startswith("headwater")}
    assert told == {
        "id": "7",
        "price": "1.01",
        "at": "2026-11-22 03:04:05.678000+00:00",
        "day": "2028-02-29",
        "city": "São Paulo, {x}",
        "open": "True",
    }
    assert row[UNCLEAR] is False


def test_changes_give_the_row_after_and_where_asked_the_row_before() -> None:
    declared = model(TopicFormat.DEBEZIUM_JSON, {"id": "BIGINT!", "at": "TIMESTAMP_LTZ(3)"})
    changes = [
        {"op": "c", "before": None, "after": {"id": 1}},
        {"op": "u", "before": {"id": 1}, "after": {"id": 2}},
        {"op": "u", "before": None, "after": {"id": 3}},
        {"op": "d", "before": {"id": 2}, "after": None},
        {"op": "x", "after": {"id": 4}},
        {"op": "c", "after": "no row"},
    ]
    assert [row["id"] for row in read(changes, declared)] == [1, 2]
    told = [(row["id"], row["headwater_gone"]) for row in read(changes, declared, before=True)]
    assert told == [(1, False), (1, True), (2, False), (2, True)]


def test_a_type_that_duckdb_does_not_read_as_flink_does_is_refused_by_name() -> None:
    with pytest.raises(HeadwaterError, match="tags ARRAY<STRING>"):
        topic_rows(model(columns={"id": "BIGINT!", "tags": "ARRAY<STRING>"}), "records", before=False)
