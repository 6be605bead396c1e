"""How a job's session sees its tables: temporary tables in the default catalog, in a database named as the layer.

`EXECUTE PLAN` does not use a catalog's own factory, so every table that a job touches is bound with `connector`;
the author's `FROM dwd.orders` stays as written, and watermark, consumer and operator id suffix belong to the job.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from headwater.compile import text
from headwater.compile.parsing import NESTED, TEXTS, parsed, text_is_valid
from headwater.compile.storage import CONSUMER_KEPT, columns_clause, partition_clause, table_options
from headwater.model import Column, EventTime, Model, TableName, Topic, TopicFormat
from headwater.shadow import shadowed

# What Flink's Debezium format makes a row of: created, read by a snapshot, or updated with its row before.
_HAS_AFTER = "`after` IS NOT NULL AND (`op` IN ('c', 'r') OR `op` = 'u' AND `before` IS NOT NULL)"
_PHYSICAL = "__bound"
_RAW = "__raw"
_TOPIC = "__topic"
_EXACT = "__exact"
_TOPIC_SOURCE = re.compile(rf"Source: \w+(?:{_PHYSICAL}|{_RAW}):(?P<topic>[\w.-]+)\[")
_TABLE_SOURCE = re.compile(rf"Source: \w+{_PHYSICAL}\[")
# Paimon's default of 10 s would be the largest part of an event's way to the next table.
_DISCOVERY = "500 ms"
# Paimon's default of 256 MB for each writer does not fit several jobs into one small TaskManager.
_WRITE_BUFFER = "64 mb"


class Images(Enum):
    """Which rows of a change a reader needs.

    Args:
        BOTH: The row before and the row after: an aggregate takes the one out and puts the other in.
        AFTER: The row after alone, for a table that ignores deletes and what a row was before. A change is then one
            row instead of two, half of it is not converted, and deletes are nothing.
    """

    BOTH = "both"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Pins:
    """What a batch job reads: of each table one snapshot, of each topic's partitions some records.

    Args:
        snapshots: The snapshot's number.
        tag: A tag that all these snapshots have, through which they stay readable; None to go by number.
        offsets: By partition, the first record and what is behind the last one.
    """

    snapshots: Mapping[TableName, int] = field(default_factory=dict, hash=False)
    tag: str | None = None
    offsets: Mapping[TableName, Mapping[int, tuple[int, int]]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a job finds its tables. Not part of a job's fingerprint: a lake that moved is the same lake.

    Args:
        lake: URI of the Paimon warehouse.
        kafka: Bootstrap servers.
        is_scratch: The lake is an empty folder for compiling: a binding makes its table, without rows, as declared.
        is_trial: Rows are read and worked out, and written nowhere; how far the running job has read stays as it is.
        pins: For a batch job, what it reads; None for a job that goes on for ever.
    """

    lake: str
    kafka: str
    is_scratch: bool = False
    is_trial: bool = False
    pins: Pins | None = None


def databases(models: tuple[Model, ...]) -> tuple[str, ...]:
    """Statements that make the layers' databases."""
    layers = dict.fromkeys(model.name.layer.value for model in models)
    return tuple(f"CREATE DATABASE IF NOT EXISTS {text.identifier(layer)}" for layer in layers)


def read_topic(
    model: Model, addresses: Addresses, reader: TableName, *, timed: bool, images: Images = Images.BOTH
) -> tuple[str, ...]:
    """Bind a topic for reading: the physical table, and a view of it without malformed records.

    The format drops what is no JSON and turns a field of the wrong type into NULL. A required column is
    therefore read as NULL and filtered; any other column that can fail is read as text and parsed in the view,
    so that «absent» and «wrong» stay apart. `headwater.compile.rejects` keeps what this view leaves out.

    Args:
        timed: The reader's SQL needs the event-time column as a time attribute.
        images: Which rows of a change the reader needs. It makes no difference to a topic of plain records.
    """
    topic = _topic(model)
    clock = model.event_time.column if model.event_time else None
    as_text = {
        c.name for c in model.columns if not c.required and c.name != clock and c.type.root not in TEXTS | NESTED
    }
    fields = [(column.name, "STRING" if column.name in as_text else str(column.type)) for column in model.columns]
    if topic.format is TopicFormat.DEBEZIUM_JSON and _loses_digits(model, as_text):
        fields.append((_EXACT, "DECIMAL(38, 18)"))
    changes = topic.format is TopicFormat.DEBEZIUM_JSON and images is Images.AFTER
    columns = _change_columns(fields, clock) if changes else [f"  {text.identifier(n)} {t}" for n, t in fields]
    if model.event_time is not None:
        columns.append(_watermark(model.event_time))
    conditions = [_HAS_AFTER] if changes else []
    selected = []
    for column in model.columns:
        name = text.identifier(column.name)
        place = f"`after`.{name}" if changes and column.name != clock else name
        if column.required:
            conditions.append(f"{place} IS NOT NULL")
        if column.name in as_text:
            conditions.append(f"({place} IS NULL OR {text_is_valid(place, column.type)})")
            selected.append(f"{parsed(place, column.type)} AS {name}")
        else:
            selected.append(as_selected(column, model.event_time, timed=timed, place=place))
    where = "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""
    # With the topic in the name, a source that moves to another topic is another source: it starts at the beginning.
    physical = text.table(model.name, f"{_PHYSICAL}:{topic.name}")
    form = "json" if changes else topic.format.value
    return (
        f"CREATE TEMPORARY TABLE {physical} (\n" + ",\n".join(columns) + "\n) WITH (\n"
        f"{text.options(_topic_options(model, form, addresses, reader))}\n)",
        _view(model, selected, physical + where),
    )


def _change_columns(fields: list[tuple[str, str]], clock: str | None) -> list[str]:
    """A change's envelope. Of the row before, only whether it is there: an update that lacks it is malformed."""
    row = ", ".join(f"{text.identifier(name)} {type_}" for name, type_ in fields)
    before = text.identifier(fields[0][0])
    columns = ["  `op` STRING", f"  `before` ROW<{before} STRING>", f"  `after` ROW<{row}>"]
    if clock is not None:
        columns.append(f"  {text.identifier(clock)} AS `after`.{text.identifier(clock)}")
    return columns


def read_raw_topic(model: Model, addresses: Addresses, reader: TableName) -> tuple[str, ...]:
    """Bind a topic as bytes with their place, for keeping what the typed view leaves out.

    Bytes that are no UTF-8 are decoded with replacement characters: Paimon would write them into a text column as
    they are, and no reader could open the file again.
    """
    options = _kafka_options(model, addresses, reader) | {"format": "raw"}
    return (
        f"CREATE TEMPORARY TABLE {raw_name(model)} (\n  `bytes` BYTES,\n  `payload` AS DECODE(`bytes`, 'UTF-8'),\n"
        "  `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,\n"
        "  `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,\n"
        "  `received_at` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL\n) WITH (\n"
        f"{text.options(options)}\n)",
    )


def read_table(model: Model, addresses: Addresses, reader: TableName, *, timed: bool) -> tuple[str, ...]:
    """Bind a Paimon table for continuous reading: all of it first, then its changelog.

    A consumer protects the snapshots that the job has not read yet from expiry while it is down; the job's own
    checkpoint says where to go on, so the consumer's progress is ignored
    (https://paimon.apache.org/docs/master/flink/consumer-id/).

    A job that rebuilds a table has a consumer of its own, and its source the same id as in the table's own job, which
    goes on from its state.
    """
    options = _paimon_options(model, addresses) | {
        "scan.mode": "latest-full",
        "continuous.discovery-interval": _DISCOVERY,
        "consumer-id": str(reader),
        "consumer.mode": "at-least-once",
        "consumer.ignore-progress": "true",
        "consumer.expiration-time": CONSUMER_KEPT,
        "source.operator-uid.suffix": f"{shadowed(reader)}.{model.name}",
    }
    if addresses.is_trial or addresses.pins:
        options = {key: value for key, value in options.items() if not key.startswith("consumer")}
    if addresses.pins:
        options = _paimon_options(model, addresses) | _snapshot_options(model, addresses.pins)
    columns = columns_clause(model, comments=False)
    if model.event_time is not None:
        columns += ",\n" + _watermark(model.event_time)
    if model.event_time is not None and not addresses.pins:
        options["scan.watermark.idle-timeout"] = text.duration(model.event_time.idle_after)
        # A commit's splits are small: one is read and gone between two periodic watermarks, and its would be lost.
        options["scan.watermark.emit.strategy"] = "on-event"
    physical = text.table(model.name, _PHYSICAL)
    selected = [as_selected(column, model.event_time, timed=timed) for column in model.columns]
    return (_paimon_table(physical, model, columns, options), _view(model, selected, physical))


def _snapshot_options(model: Model, pins: Pins) -> dict[str, str]:
    return {"scan.tag-name": pins.tag} if pins.tag else {"scan.snapshot-id": str(pins.snapshots[model.name])}


def write_table(
    model: Model, addresses: Addresses, writes: TableName, more: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Bind the job's own table for writing, or its shadow under the table's name.

    What a sink has still to commit is part of its state. A shadow's sink has an id of its own, so that the table's own
    job never commits files that lie in the shadow.

    The committer is never chained to the writer. It runs once whatever the parallelism, and Flink restores a job with
    another parallelism only when it was an operator of its own before
    (https://paimon.apache.org/docs/master/maintenance/configurations/, sink.committer-operator-chaining).
    """
    if addresses.is_trial:
        columns = columns_clause(model, comments=False)
        return (f"CREATE TEMPORARY TABLE {text.table(model.name)} (\n{columns}\n) WITH ('connector' = 'blackhole')",)
    options = _paimon_options(replace(model, name=writes), addresses) | {
        "sink.operator-uid.suffix": str(writes),
        "sink.committer-operator-chaining": "false",
    }
    options.setdefault("write-buffer-size", _WRITE_BUFFER)
    options |= more or {}
    return (_paimon_table(text.table(model.name), model, columns_clause(model, comments=False), options),)


def topic_name(model: Model) -> str:
    """How a job's INSERT spells the topic that it distributes its rows by."""
    return text.table(model.name, _TOPIC)


def is_topic(identifier: str) -> bool:
    """A sink, by its identifier in a compiled plan, is the topic that the table is distributed by."""
    return identifier.rstrip("`").endswith(_TOPIC)


def write_topic(model: Model, topic: Topic, addresses: Addresses) -> tuple[str, ...]:
    """Bind the topic that the job distributes its rows by: the newest record of a key is the row, one without a value
    its deletion (https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/connectors/table/upsert-kafka/).

    A job that starts again writes some records a second time, in the same order of each key. Whole numbers and
    decimals are written as they are, instants as ISO-8601 in UTC.
    """
    options = {"connector": "blackhole"}
    if not addresses.is_trial:
        options = {
            "connector": "upsert-kafka",
            "topic": topic.name,
            "properties.bootstrap.servers": addresses.kafka,
            "properties.compression.type": "lz4",
            # Only the last of a key's changes within a second is written. Behind a HAVING, Flink hands on an update as
            # the row that goes and the row that comes, and the first alone would read as a deletion.
            "sink.buffer-flush.interval": "1 s",
            "sink.buffer-flush.max-rows": "1000",
        }
        for part in ("key", "value"):
            options |= {
                f"{part}.format": "json",
                f"{part}.json.timestamp-format.standard": "ISO-8601",
                f"{part}.json.encode.decimal-as-plain-number": "true",
            }
    columns = columns_clause(model, comments=False)
    return (f"CREATE TEMPORARY TABLE {topic_name(model)} (\n{columns}\n) WITH (\n{text.options(options)}\n)",)


def _loses_digits(model: Model, as_text: set[str]) -> bool:
    """Flink's Debezium format parses numbers as DOUBLE, also those it hands on as text, unless a column is DECIMAL.

    https://github.com/apache/flink/blob/release-2.0.2/flink-formats/flink-json/src/main/java/org/apache/flink/formats/json/JsonRowDataDeserializationSchema.java
    """
    decimals = {column.name for column in model.columns if column.type.root == "DECIMAL"}
    return bool(decimals) and decimals <= as_text


def _topic(model: Model) -> Topic:
    if model.topic is None:
        raise ValueError(f"{model.name} has no topic")
    return model.topic


def _watermark(event_time: EventTime) -> str:
    column = text.identifier(event_time.column)
    return f"  WATERMARK FOR {column} AS {column} - {text.interval(event_time.lateness)}"


def _kafka_options(model: Model, addresses: Addresses, reader: TableName) -> dict[str, str]:
    group = f"headwater.{reader}"
    unheard = {"properties.group.id": f"{group}.trial", "properties.commit.offsets.on.checkpoint": "false"}
    return {
        "connector": "kafka",
        "topic": _topic(model).name,
        "properties.bootstrap.servers": addresses.kafka,
        "properties.group.id": group,
        "properties.isolation.level": "read_committed",
        # The broker gathers records for a tenth of a second. By default it answers at the first: a job that reads a
        # trickle then spends as much on asking as on its rows (https://kafka.apache.org/documentation/#consumerconfigs).
        "properties.fetch.min.bytes": str(64 * 1024),
        "properties.fetch.max.wait.ms": "100",
        "scan.startup.mode": "earliest-offset",
        **(unheard if addresses.is_trial or addresses.pins else {}),
        **(_span_options(addresses.pins.offsets[model.name]) if addresses.pins else {}),
    }


def _span_options(offsets: Mapping[int, tuple[int, int]]) -> dict[str, str]:
    """https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/connectors/table/kafka/#scan-bounded-mode"""
    return {
        f"scan.{bound}.{key}": value
        for bound, place in (("startup", 0), ("bounded", 1))
        for key, value in (
            ("mode", "specific-offsets"),
            ("specific-offsets", ";".join(f"partition:{n},offset:{span[place]}" for n, span in offsets.items())),
        )
    }


def _topic_options(model: Model, form: str, addresses: Addresses, reader: TableName) -> dict[str, str]:
    options = _kafka_options(model, addresses, reader) | {
        "format": form,
        f"{form}.ignore-parse-errors": "true",
        f"{form}.timestamp-format.standard": "ISO-8601",
    }
    if model.event_time is not None:
        options["scan.watermark.idle-timeout"] = text.duration(model.event_time.idle_after)
    return options


def _paimon_options(model: Model, addresses: Addresses) -> dict[str, str]:
    path = f"{addresses.lake}/{model.name.layer.value}.db/{model.name.table}"
    made = table_options(model) | {"auto-create": "true"} if addresses.is_scratch else {}
    return made | {"connector": "paimon", "path": path}


def as_selected(column: Column, event_time: EventTime | None, *, timed: bool, place: str = "") -> str:
    """A column of the view. A time attribute that the SQL does not ask for is taken off.

    Flink refuses to unite a time attribute with a plain timestamp, which an author could not foresee; watermarks
    flow all the same.
    """
    name = text.identifier(column.name)
    if timed or event_time is None or column.name != event_time.column:
        return f"{place} AS {name}" if place not in ("", name) else name
    return f"CAST({name} AS {column.type}) AS {name}"


def _view(model: Model, selected: list[str], source: str) -> str:
    return f"CREATE TEMPORARY VIEW {text.table(model.name)} AS SELECT " + ",\n  ".join(selected) + f"\nFROM {source}"


def _paimon_table(name: str, model: Model, columns: str, options: dict[str, str]) -> str:
    return f"CREATE TEMPORARY TABLE {name} (\n{columns}\n){partition_clause(model)} WITH (\n{text.options(options)}\n)"


def topic_read_by(operator: str) -> str | None:
    """The topic that a source reads, from the name that Flink shows of it; None for any other operator."""
    found = _TOPIC_SOURCE.match(operator)
    return found["topic"] if found else None


def is_table_source(operator: str) -> bool:
    """An operator, by the name that Flink shows of it, reads a Paimon table."""
    return _TABLE_SOURCE.match(operator) is not None


def raw_name(model: Model) -> str:
    """How a flow of the rejects job spells a topic's raw binding."""
    return text.table(model.name, f"{_RAW}:{_topic(model).name}")
