"""Rejected records, and whether one may be written back to its topic."""

import json
from dataclasses import dataclass
from datetime import datetime

_NEVER_SOUND = ("not_json", "not_utf8", "wrong_shape")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record lies: the table of its topic, the partition, and the offset."""

    source: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.source}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record of `ods.rejected`.

    Args:
        reason: Why, as the table has it: `type:<column>` and so on.
        payload: Its value, as it came.
    """

    place: Place
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """That a record was written back.

    Args:
        at: When.
        is_sent: The broker has it. False when the writing was not seen to end: it may be on the topic or not, and is
            not written again.
        is_mended: It was written with another value than it came with.
    """

    place: Place
    at: datetime
    is_sent: bool
    is_mended: bool


def why_not(record: Rejected, payload: str) -> str:
    """Why this value cannot be written back in the record's place; "" when it can.

    Whether it fits the declared columns is found where the topic is read: a record that does not is rejected again.
    """
    if "\ufffd" in payload:
        return "it holds replacement characters, in place of bytes that were no UTF-8"
    try:
        value = json.loads(payload)
    except ValueError:
        return "it is not JSON"
    if not isinstance(value, dict):
        return "it is JSON, but no object"
    if payload == record.payload and record.reason in _NEVER_SOUND:
        return f"it is as it came, and would be rejected as {record.reason} again"
    return ""
