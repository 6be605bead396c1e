"""A topic's records as rows, in DuckDB's SQL: what Flink's typed view of the topic gives, and what it leaves out.

`headwater.compile.binding` says how Flink reads a record; this is the same for DuckDB. A record is *sound* (both
engines read the same row), *rejected* (both leave it out; `ods.rejected` keeps it), or *unclear*: a value so near to
being one that the engines may read it differently, as `12.0` for a BIGINT. Unclear records are given with what can be
read of them, so that the keys that they touch are known and nothing is said about those.
"""

import json
from dataclasses import dataclass

from headwater.compile.parsing import NESTED, TEXTS
from headwater.duckdb_text import quoted, texted
from headwater.model import Column, Model, TopicFormat
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType

PARTITION, ORDER, GONE, NEW, UNCLEAR, RECEIVED = (
    "headwater_partition",
    "headwater_order",
    "headwater_gone",
    "headwater_new",
    "headwater_unclear",
    "headwater_received",
)
"""Columns beside the declared ones: the record's partition; its place there, two for each record (the row before a
change and the one after it); the row went; the record may not be in the streamed table yet; it is unclear; when it
came to Kafka."""

HIDDEN = {PARTITION: "INT", ORDER: "BIGINT", GONE: "BOOLEAN", NEW: "BOOLEAN", UNCLEAR: "BOOLEAN"}

ORDERED = {PARTITION: SqlType("INT"), ORDER: SqlType("BIGINT"), GONE: SqlType("BOOLEAN")}
"""Those that say of two rows which came last."""

_SOUND, _REJECTED, _UNCLEAR = 0, 1, 2
_INTEGERS = {"TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INT": "INTEGER", "BIGINT": "BIGINT"}
_FLOATS = {"FLOAT": "FLOAT", "DOUBLE": "DOUBLE"}
_NUMBER = r" *[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)? *"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?"
# What DuckDB takes for JSON and Jackson does not. In a text it is harmless, and the record is unclear all the same.
_LENIENT = r"[,][[:space:]]*[}\]]|\bNaN\b|\bInfinity\b|/[/*]"
# Doubles hold 15 digits; beyond, DuckDB no longer has the number as it was written.
_DIGITS = 15


@dataclass(frozen=True, slots=True)
class TopicRows:
    """How a topic's records become rows.

    Args:
        sql: A SELECT over the relation of records, with the declared columns and those named above.
        has_before: Rows before a change are among them, as rows that went.
    """

    sql: str
    has_before: bool


def topic_rows(model: Model, records: str, *, before: bool) -> TopicRows:
    """The rows of a topic, rejected records left out.

    Args:
        model: The table of the topic.
        records: A relation with kafka_partition, kafka_offset, received_at, value (VARCHAR; NULL for bytes that are no
            UTF-8 and for a record without a value) and is_new.
        before: Also the rows before each change, and those deleted; of plain records there are none.

    Raises HeadwaterError for a column of a type that is not known to be read as Flink does.
    """
    assert model.topic is not None
    debezium = model.topic.format is TopicFormat.DEBEZIUM_JSON
    _refuse(model)
    fields = {column.name: "VARCHAR" for column in model.columns}
    shape: dict[str, object] = dict(fields)
    if debezium:
        first = model.columns[0].name
        shape = {"op": "VARCHAR", "before": fields if before else {first: "VARCHAR"}, "after": fields}
    parsed = (
        f"SELECT kafka_partition, kafka_offset, received_at, is_new, value,\n"
        f"  regexp_matches(value, '{_LENIENT}') AS lenient,\n"
        f"  json_transform(value, {texted(json.dumps(shape))}) AS j\n"
        f"FROM {records} WHERE value IS NOT NULL AND json_valid(value) AND json_type(value) = 'OBJECT'"
    )
    images = _images(debezium=debezium, before=before)
    judged = ", ".join(f"{_state(column)} AS s{number}" for number, column in enumerate(model.columns))
    states = [f"s{number}" for number in range(len(model.columns))]
    is_unclear = f"(lenient OR {' OR '.join(f'{state} = {_UNCLEAR}' for state in states)})"
    columns = ", ".join(f"{_value(column)} AS {quoted(column.name)}" for column in model.columns)
    sql = (
        f"WITH parsed AS (\n{parsed}\n), images AS (\n{images}\n),\n"
        f"judged AS (SELECT *, {judged} FROM images WHERE r IS NOT NULL)\n"
        f"SELECT {columns},\n  kafka_partition AS {PARTITION}, place AS {ORDER}, gone AS {GONE}, is_new AS {NEW},"
        f" {is_unclear} AS {UNCLEAR}, received_at AS {RECEIVED}\n"
        f"FROM judged WHERE {' AND '.join(f'{state} <> {_REJECTED}' for state in states)}"
    )
    return TopicRows(sql, debezium and before)


def refused_type(model: Model) -> Column | None:
    """The first column that is not known to be read in DuckDB as Flink reads it."""
    known = {*_INTEGERS, *_FLOATS, *TEXTS, "DECIMAL", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP_LTZ"}
    return next((c for c in model.columns if c.type.root not in known or c.type.root in NESTED), None)


def _refuse(model: Model) -> None:
    column = refused_type(model)
    if column is not None:
        raise HeadwaterError(
            f"DuckDB is not known to read the column {column.name} {column.type} of {model.name} as Flink does",
            next_command="run it on Flink batch",
        )
    if len({column.name.lower() for column in model.columns}) < len(model.columns):
        raise HeadwaterError(
            f"DuckDB cannot tell apart columns of {model.name} that differ in upper and lower case alone",
            next_command="run it on Flink batch",
        )


def _images(*, debezium: bool, before: bool) -> str:
    """The rows that a record says: `r` the row as texts, `place`, and whether the row went."""
    base = "kafka_partition, received_at, is_new, lenient, value"
    if not debezium:
        return f"SELECT {base}, '$.' AS above, j AS r, 2 * kafka_offset + 1 AS place, FALSE AS gone FROM parsed"
    after = (
        f"SELECT {base}, '$.after.' AS above, j.after AS r, 2 * kafka_offset + 1 AS place, FALSE AS gone FROM parsed\n"
        "WHERE j.op IN ('c', 'r') OR j.op = 'u' AND j.before IS NOT NULL"
    )
    if not before:
        return after
    return (
        f"{after}\nUNION ALL\nSELECT {base}, '$.before.', j.before, 2 * kafka_offset, TRUE FROM parsed\n"
        "WHERE j.op = 'd' OR j.op = 'u' AND j.after IS NOT NULL"
    )


def _state(column: Column) -> str:
    """Whether the column's text is a value of its type: 0, 1 or 2 as the constants above."""
    text = f"r.{quoted(column.name)}"
    absent = _REJECTED if column.required else _SOUND
    sound, near = _sound(text, column.type), _near(text, column)
    return (
        f"CASE WHEN {text} IS NULL THEN {absent} WHEN {near} THEN {_UNCLEAR}"
        f" WHEN {sound} THEN {_SOUND} ELSE {_REJECTED} END"
    )


def _sound(text: str, kind: SqlType) -> str:
    """A condition on a text that is not NULL."""
    root = kind.root
    if root in TEXTS:
        return "TRUE"
    if root == "BOOLEAN":
        return f"lower({text}) IN ('true', 'false')"
    patterns = {
        **dict.fromkeys(_INTEGERS, " *[+-]?[0-9]+ *"),
        **dict.fromkeys((*_FLOATS, "DECIMAL"), _NUMBER),
        "DATE": _DAY,
        "TIMESTAMP": f"{_DAY}T{_TIME}",
        "TIMESTAMP_LTZ": f"{_DAY}T{_TIME}Z",
    }
    return f"(regexp_full_match({text}, '{patterns[root]}') AND {_cast(text, kind)} IS NOT NULL)"


def _near(text: str, column: Column) -> str:
    """A text that the engines may take differently."""
    kind, root = column.type, column.type.root
    # What JSON has as a number or an object, DuckDB has no longer as it was written.
    is_rewritten = f"json_type(value, above || {texted(json.dumps(column.name))}) <> 'VARCHAR'"
    if root in TEXTS:
        is_odd = f"regexp_matches({text}, '^[{{\\[]|^{_NUMBER}$') AND NOT regexp_full_match({text}, '-?[0-9]{{1,15}}')"
        return f"({is_odd} AND {is_rewritten})"
    if root == "BOOLEAN":
        return f"lower({text}) NOT IN ('true', 'false')"
    is_number = f"regexp_full_match({text}, '{_NUMBER}')"
    if root in _FLOATS:
        return f"NOT {is_number}"
    if root in _INTEGERS:
        return f"({is_number} AND {_cast(text, kind)} IS NULL)"
    if root == "DECIMAL":
        long = f"length(regexp_replace({text}, '[^0-9]', '', 'g')) > {_DIGITS}"
        return f"({is_number} AND ({long} AND {is_rewritten} OR {_cast(text, kind)} IS NULL))"
    if root == "DATE":
        return f"regexp_matches({text}, '^[+-][0-9]{{4,}}-')"
    # A year of more than four digits, a time without seconds, a day that is none.
    return f"(regexp_matches({text}, '^[+-]?[0-9]{{4,}}-[0-9]{{2}}-[0-9]{{2}}') AND NOT {_sound(text, kind)})"


def _value(column: Column) -> str:
    text = f"r.{quoted(column.name)}"
    return text if column.type.root in TEXTS else _cast(text, column.type)


def _cast(text: str, kind: SqlType) -> str:
    root = kind.root
    if root in _INTEGERS:
        # DuckDB would round a fraction.
        return f"CASE WHEN NOT contains({text}, '.') THEN TRY_CAST(trim({text}) AS {_INTEGERS[root]}) END"
    if root in _FLOATS:
        return f"TRY_CAST(trim({text}) AS {_FLOATS[root]})"
    if root == "DECIMAL":
        return f"TRY_CAST(trim({text}) AS DECIMAL({kind.precision}, {kind.scale}))"
    if root in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        # Flink cuts digits beyond the precision off, DuckDB beyond microseconds.
        digits = min(kind.precision, 6)
        cut = f"regexp_replace({text}, '([.][0-9]{{{digits}}})[0-9]*', '\\1')" if digits else text
        return f"TRY_CAST({cut} AS {'TIMESTAMPTZ' if root == 'TIMESTAMP_LTZ' else 'TIMESTAMP'})"
    return f"TRY_CAST({text} AS {root})"
