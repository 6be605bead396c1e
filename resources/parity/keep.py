"""`ods.late`: every record that was found to have come when its window had closed, kept to be asked for.

Its key is the record's place in Kafka and the window, so finding a record again changes nothing but that it has been
repaired since. One table of the platform's own, as `ods.rejected` is; batch writes it, one process at a time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from headwater.model import Column, Layer, Model, TableName
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.paimon.writer import upsert, writing
from resources.parity.late import LateRecord

LATE = TableName(Layer.ODS, "late")

_STRING, _INSTANT = SqlType("STRING"), SqlType("TIMESTAMP_LTZ", (3,))
_KEY = ("model", "source", "kafka_partition", "kafka_offset", "window_start", "window_end")
_COLUMNS = (
    Column("model", _STRING, "The table whose window had closed.", required=True),
    Column("source", _STRING, "The table whose topic held the record.", required=True),
    Column("kafka_partition", SqlType("INT"), "Partition of the topic.", required=True),
    Column("kafka_offset", SqlType("BIGINT"), "Offset in the partition.", required=True),
    Column("window_start", _INSTANT, "The window's first instant.", required=True),
    Column("window_end", _INSTANT, "The first instant after the window.", required=True),
    Column("market", _STRING, "The record's market; NULL where it has none."),
    Column("event_time", _INSTANT, "When it happened."),
    Column("payload", _STRING, "Its columns, as JSON."),
    Column("found_at", _INSTANT, "When it was found, the last time."),
    Column("repaired_at", _INSTANT, "When its window's row was written anew; NULL before."),
)
_PATIENCE = 60.0


def late_model() -> Model:
    """The table's model; it has no flow, and no job keeps it."""
    return Model(
        LATE, Path("ods"), "Records that came when their window had closed, found by parity.", "", _COLUMNS, key=_KEY
    )


def keep(stack: Stack, model: Model, records: Sequence[LateRecord], *, is_repaired: bool) -> None:
    """Write these records into `ods.late`."""
    if not records:
        return
    import pyarrow

    now = datetime.now(UTC)
    rows = [
        {
            "model": str(model.name),
            "source": record.source,
            "kafka_partition": record.partition,
            "kafka_offset": record.offset,
            "window_start": _instant(record.window[0]),
            "window_end": _instant(record.window[1]),
            "market": record.market or None,
            "event_time": _instant(record.at),
            "payload": record.payload,
            "found_at": now,
            "repaired_at": now if is_repaired else None,
        }
        for record in records
    ]
    with writing(stack.home, LATE, _PATIENCE):
        upsert(stack.lake, late_model(), lambda schema: pyarrow.Table.from_pylist(rows, schema=schema))


def _instant(value: datetime) -> datetime:
    """Windows over TIMESTAMP are in UTC, the zone of the job's session."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)
