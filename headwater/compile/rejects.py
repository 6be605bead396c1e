"""The generated table `ods.rejected`: every source record that its declared columns cannot hold.

No malformed record disappears: the typed view of a topic leaves it out, this table keeps its bytes, its place
and the reason. Its key is the record's place in Kafka, so reading a topic again changes nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from headwater.compile.binding import raw_name
from headwater.compile.parsing import NESTED, TEXTS, text_is_valid
from headwater.compile.text import literal
from headwater.model import (
    ChangelogProducer,
    Column,
    Flow,
    Layer,
    Merge,
    Model,
    OutputColumn,
    Storage,
    TableName,
    TopicFormat,
)
from headwater.sqltype import SqlType

REJECTED = TableName(Layer.ODS, "rejected")

_STRING = SqlType("STRING")
_COLUMNS = (
    Column("source", _STRING, "The table whose topic held the record.", required=True),
    Column("kafka_partition", SqlType("INT"), "Partition of the topic.", required=True),
    Column("kafka_offset", SqlType("BIGINT"), "Offset in the partition.", required=True),
    Column("reason", _STRING, "not_json, not_utf8, wrong_shape, missing:<column> or type:<column>."),
    Column("payload", _STRING, "The record's value as it came."),
    Column("received_at", SqlType("TIMESTAMP_LTZ", (3,)), "The record's time in Kafka."),
)


def rejected_model(sources: Sequence[Model]) -> Model:
    """The model of `ods.rejected` for these sources; one flow for each topic."""
    outputs = tuple(OutputColumn(column.name, column.type) for column in _COLUMNS)
    return Model(
        name=REJECTED,
        file=Path("ods"),
        description="Source records that do not fit their declared columns, kept with their place and the reason.",
        owner="",
        columns=_COLUMNS,
        key=("source", "kafka_partition", "kafka_offset"),
        flows=tuple(
            Flow(
                name=f"from_{source.name.table}",
                file=source.file,
                sql=_select(source),
                reads=(source.name,),
                outputs=outputs,
                raw=True,
                made_of=((),) * len(outputs),
            )
            for source in sources
        ),
        storage=Storage(Merge.DEDUPLICATE, ChangelogProducer.NONE),
    )


def _select(source: Model) -> str:
    return (
        f"SELECT {literal(str(source.name))} AS source, kafka_partition, kafka_offset, reason, payload, received_at\n"
        f"FROM (\n  SELECT *, {_reason(source)} AS reason\n  FROM {raw_name(source)}\n"
        "  WHERE payload IS NOT NULL\n)\nWHERE reason IS NOT NULL"
    )


def _reason(source: Model) -> str:
    debezium = source.topic is not None and source.topic.format is TopicFormat.DEBEZIUM_JSON
    # Flink's JSON formats skip a record with bytes that are no UTF-8, which decoding has made replacement characters.
    cases = [
        "WHEN payload IS NOT JSON OBJECT THEN 'not_json'",
        "WHEN POSITION('\ufffd' IN payload) > 0 THEN 'not_utf8'",
    ]
    if debezium:
        # A delete carries its row in `before` alone, and is ignored downstream: nothing of it can be wrong.
        cases.append("WHEN JSON_VALUE(payload, '$.op') = 'd' THEN CAST(NULL AS STRING)")
        cases.append(
            "WHEN COALESCE(JSON_VALUE(payload, '$.op'), '') NOT IN ('c', 'r', 'u')"
            " OR JSON_QUERY(payload, '$.after') IS NULL"
            # Flink's format cannot turn an update without its row before into a changelog, and skips it.
            " OR (JSON_VALUE(payload, '$.op') = 'u' AND JSON_QUERY(payload, '$.before') IS NULL) THEN 'wrong_shape'"
        )
    for column in source.columns:
        cases.extend(_cases(column, "$.after." if debezium else "$."))
    return "CASE\n    " + "\n    ".join(cases) + "\n    ELSE CAST(NULL AS STRING)\n  END"


def _cases(column: Column, parent: str) -> list[str]:
    """When a record is rejected for this column. Text takes an object or a list as its JSON; other scalars do not."""
    path = literal(parent + column.name)
    scalar, container = f"JSON_VALUE(payload, {path})", f"JSON_QUERY(payload, {path})"
    nested = column.type.root in NESTED
    cases = []
    if column.required:
        absent = f"{container} IS NULL" if nested else f"{scalar} IS NULL AND {container} IS NULL"
        cases.append(f"WHEN {absent} THEN {literal('missing:' + column.name)}")
    if nested or column.type.root in TEXTS:
        return cases
    misread = f"{scalar} IS NOT NULL AND NOT {text_is_valid(scalar, column.type)}"
    wrong = f"{scalar} IS NULL AND {container} IS NOT NULL OR {misread}"
    return [*cases, f"WHEN {wrong} THEN {literal('type:' + column.name)}"]
