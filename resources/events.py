"""The event time of one record of a topic, read from its bytes as its declaration says."""

from datetime import UTC, datetime
from typing import Any

import orjson

from headwater.model import Model, TopicFormat


def event_time_of(source: Model, value: bytes | None) -> datetime | None:
    """When the record happened; None where nothing is declared, or the record is malformed or says nothing."""
    if source.event_time is None or source.topic is None or value is None:
        return None
    try:
        record: Any = orjson.loads(value)
        if source.topic.format is TopicFormat.DEBEZIUM_JSON:
            record = record.get("payload", record)
            record = record.get("after") or record.get("before") or {}
        written = record.get(source.event_time.column)
        return None if written is None else _instant(written)
    except (orjson.JSONDecodeError, AttributeError, ValueError):
        return None


def _instant(written: Any) -> datetime | None:
    """An ISO-8601 text, which is what the formats are declared to read. Without a zone it is UTC."""
    if not isinstance(written, str):
        return None
    found = datetime.fromisoformat(written)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
