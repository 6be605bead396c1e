"""Small models made by hand."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from headwater.compile.binding import Addresses
from headwater.model import (
    ChangelogProducer,
    Column,
    EventTime,
    Flow,
    Merge,
    Model,
    OutputColumn,
    Storage,
    TableName,
    Topic,
    TopicFormat,
)
from headwater.sqltype import SqlType

HERE = Addresses(lake="file:///lake", kafka="127.0.0.1:9092")


def columns(**types: str) -> tuple[Column, ...]:
    """Columns from `name="TYPE"`; a `!` at the end makes one required."""
    return tuple(
        Column(name, SqlType.parse(text.rstrip("!")), required=text.endswith("!")) for name, text in types.items()
    )


def source(
    name: str, form: TopicFormat = TopicFormat.JSON, *, event_time: EventTime | None = None, **types: str
) -> Model:
    """A topic `<name>-topic`."""
    return Model(
        TableName.parse(f"ods.{name}"),
        Path(f"ods/{name}/table.yaml"),
        "a topic",
        "tests",
        columns(**types),
        topic=Topic(f"{name}-topic", form),
        event_time=event_time,
    )


def flow(name: str, sql: str, reads: str, gives: Mapping[str, str], sequence: str | None = None) -> Flow:
    """A flow that reads these tables and gives these columns; with a sequence it works on each row by itself."""
    return Flow(
        name,
        Path(f"{name}.sql"),
        sql,
        tuple(TableName.parse(read) for read in reads.split()),
        tuple(OutputColumn(column, SqlType.parse(type_)) for column, type_ in gives.items()),
        sequence,
        row_by_row=sequence is not None,
    )


def table(
    name: str, *flows: Flow, key: tuple[str, ...] = ("id",), storage: Storage | None = None, **types: str
) -> Model:
    """A streaming table, by default deduplicated by its key `id`."""
    return Model(
        TableName.parse(name),
        Path(f"{name}/table.yaml"),
        "a table",
        "tests",
        columns(**types),
        key=key,
        flows=flows,
        storage=storage or Storage(Merge.DEDUPLICATE, ChangelogProducer.LOOKUP),
    )


def by_name(*models: Model) -> Callable[[TableName], Model]:
    """What compilation asks for upstream models."""
    return {model.name: model for model in models}.__getitem__


LEFT = source(
    "left",
    event_time=EventTime("left_at", timedelta(seconds=20), timedelta(seconds=15)),
    id="BIGINT!",
    amount="DECIMAL(12, 2)",
    kind="STRING",
    left_at="TIMESTAMP_LTZ(3)!",
)
RIGHT = source("right", TopicFormat.DEBEZIUM_JSON, id="BIGINT!", note="STRING", right_at="TIMESTAMP_LTZ(3)!")
FROM_LEFT = flow(
    "from_left",
    "SELECT id, amount, left_at FROM ods.`left`;\n",
    "ods.left",
    {"id": "BIGINT", "amount": "DECIMAL(12, 2)", "left_at": "TIMESTAMP_LTZ(3)"},
    "left_at",
)
FROM_RIGHT = flow(
    "from_right",
    "SELECT id, note, right_at FROM ods.`right`",
    "ods.right",
    {"id": "BIGINT", "note": "STRING", "right_at": "TIMESTAMP_LTZ(3)"},
    "right_at",
)
THINGS = replace(
    table(
        "dwd.things",
        FROM_LEFT,
        FROM_RIGHT,
        storage=Storage(Merge.PARTIAL_UPDATE, ChangelogProducer.LOOKUP),
        id="BIGINT!",
        amount="DECIMAL(12, 2)",
        left_at="TIMESTAMP_LTZ(3)",
        note="STRING",
        right_at="TIMESTAMP_LTZ(3)",
    ),
    event_time=EventTime("left_at"),
)
SELECT = "SELECT note, COUNT(*) AS things FROM dwd.things GROUP BY note"
COUNTS = table(
    "dm.counts",
    flow("select", SELECT, "dwd.things", {"note": "STRING", "things": "BIGINT"}),
    key=("note",),
    note="STRING!",
    things="BIGINT",
)
TOLD = replace(COUNTS, distributes=Topic("dm.counts", TopicFormat.JSON, compacted=True))
UPSTREAM = by_name(LEFT, RIGHT, THINGS)
