"""What the autoscaler remembers of jobs between looks, and how its sensor's cursor holds it."""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headwater.load import Load
from headwater.scaling import Reading


@dataclass(frozen=True, slots=True)
class Watched:
    """What is remembered of a job between looks.

    Args:
        job_id: Of the job; another one is watched anew.
        parallelism: That it was asked to have.
        scaled_at: When it was last scaled, or would have been in a dry run; None when never.
        said: The last thing that was decided and recorded, until there is nothing to do any more.
        readings: Oldest first.
    """

    job_id: str
    parallelism: int
    scaled_at: datetime | None = None
    said: str = ""
    readings: tuple[Reading, ...] = ()


def remembered(cursor: str | None) -> dict[str, Watched]:
    """What a cursor holds."""
    return {name: _watched(entry) for name, entry in json.loads(cursor or "{}").items()}


def written(watched: Mapping[str, Watched]) -> str:
    """The cursor that holds this."""
    return json.dumps({name: _as_json(entry) for name, entry in watched.items()})


def _as_json(entry: Watched) -> dict[str, Any]:
    return {
        "job": entry.job_id,
        "parallelism": entry.parallelism,
        "scaled_at": entry.scaled_at.timestamp() if entry.scaled_at else None,
        "said": entry.said,
        "readings": [
            [reading.at.timestamp(), _seconds(reading.lag), *astuple(reading.load)] for reading in entry.readings
        ],
    }


def _watched(entry: dict[str, Any]) -> Watched:
    scaled_at = entry["scaled_at"]
    return Watched(
        entry["job"],
        entry["parallelism"],
        None if scaled_at is None else datetime.fromtimestamp(scaled_at, UTC),
        entry["said"],
        tuple(
            Reading(datetime.fromtimestamp(at, UTC), Load(*load), None if lag is None else timedelta(seconds=lag))
            for at, lag, *load in entry["readings"]
        ),
    )


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()
