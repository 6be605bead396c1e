"""What a sensor has said of a job, as its cursor keeps it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from headwater.health.restart import Attempts


@dataclass(frozen=True, slots=True)
class Said:
    """What was last said of a job.

    Args:
        signature: What must change for it to be said again.
        at: When, in seconds since 1970.
        recorded: The Flink id of the job that the newest materialization names.
        attempts: At starting it again by itself.
    """

    signature: str
    at: float
    recorded: str | None = None
    attempts: Attempts | None = None

    def as_json(self) -> list[Any]:
        """For the cursor, which Dagster keeps of every tick: short."""
        told: list[Any] = [self.signature, self.at, self.recorded]
        if self.attempts is not None:
            instants = (self.attempts.since, *self.attempts.started)
            told.append([self.attempts.failed, *(at.timestamp() for at in instants)])
        return told

    @classmethod
    def from_json(cls, told: list[Any]) -> Self:
        """What `as_json` gave."""
        signature, at, recorded, *more = told
        if not more:
            return cls(signature, at, recorded)
        (failed, *seconds), *_ = more
        since, *started = (datetime.fromtimestamp(second, UTC) for second in seconds)
        return cls(signature, at, recorded, Attempts(failed, since, tuple(started)))
