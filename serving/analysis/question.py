"""What is asked, within which limits, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.query import Moment


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may take.

    Args:
        seconds: Of time; its process is killed then.
        memory: DuckDB's own, as `1GB`; more is spilled to disk or refused.
        spill: Of disk, as `2GB`.
        rows: Of the answer; the rest is cut off, and that is said.
        answer_bytes: Of the answer in Arrow's form; a larger one is refused.
        text: Characters of the SQL.
    """

    seconds: float = 30.0
    memory: str = "1GB"
    spill: str = "2GB"
    rows: int = 10_000
    answer_bytes: int = 64 << 20
    text: int = 20_000


@dataclass(frozen=True, slots=True)
class Question:
    """One SELECT in DuckDB's dialect over `layer.table`, and what to read.

    Args:
        stack: Whose lake is read, and whose declarations have the markets of the calendar.
        at: As for `headwater query --at`; newest snapshots where it says nothing.
    """

    sql: str
    stack: Stack
    at: Mapping[TableName, Moment] | Moment | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Args:
        arrow: The rows, as a stream in Arrow's IPC form; the schema's metadata names the snapshots, too.
        snapshots: By table.
        watermarks: By table, up to when that snapshot is complete, UTC; only of those that say so.
        as_of: The oldest commit among them, UTC; None without tables.
        rows: How many there are.
        truncated: There are more than the limit.
        seconds: From the question to the answer.
    """

    arrow: bytes
    snapshots: Mapping[str, int]
    as_of: datetime | None
    rows: int
    truncated: bool
    seconds: float
    watermarks: Mapping[str, datetime] = field(default_factory=dict)


class Busy(HeadwaterError):
    """As many questions as may be are being answered, and as many wait."""


class TooSlow(HeadwaterError):
    """A question took more time than it may; its process was killed."""


class TooLarge(HeadwaterError):
    """A question or its answer is larger than it may be."""


def status_of(error: HeadwaterError) -> HTTPStatus:
    """What HTTP calls a question that was not answered; audit logs, too."""
    match error:
        case Busy():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case TooSlow():
            return HTTPStatus.GATEWAY_TIMEOUT
        case TooLarge():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case _:
            return HTTPStatus.BAD_REQUEST
