"""A job's load from the JobManager's metrics: a few aggregated requests for each of its parts.

The JobManager fetches metrics every ten seconds, when somebody asks (metrics.fetcher.update-interval).
https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/ops/metrics/#io
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.compile.binding import topic_read_by
from headwater.load import Load
from resources.flink.offsets import partition_of
from resources.flink.rescaling import bound
from resources.flink.rest import FlinkRefusal, FlinkRest

_BUSY, _HELD_BACK = "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"
_PENDING, _RATE = ".pendingRecords", ".numRecordsInPerSecond"


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the job's parts. Shares are 0 to 1; backlog and rate are a source's, over all its subtasks."""

    name: str
    busy: float
    held_back: float
    bound: int
    backlog: int | None
    rate: float


def load(rest: FlinkRest, job_id: str) -> Load | None:
    """See LoadMeter.load."""
    try:
        vertices = rest.get(f"/jobs/{job_id}")["vertices"]
        found = [_part(rest, job_id, vertex) for vertex in vertices]
    except FlinkRefusal:
        return None
    parts = [part for part in found if part is not None]
    if not parts or len(parts) < len(found):
        return None
    busiest = max(parts, key=lambda part: part.busy)
    backlogs = [part.backlog for part in parts if part.backlog is not None]
    return Load(
        busiest=busiest.name,
        busy=busiest.busy,
        bound=busiest.bound,
        backlog=sum(backlogs) if backlogs else None,
        rate=sum(part.rate for part in parts),
        held_back=max(part.held_back for part in parts),
    )


def _part(rest: FlinkRest, job_id: str, vertex: Mapping[str, Any]) -> _Part | None:
    """Figures of one part; None when there are none yet."""
    path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/metrics"
    of_source: list[str] = []
    partitions = None
    if vertex["name"].startswith("Source: "):
        names = [metric["id"] for metric in rest.get(path)]
        source = next((name.removesuffix(_PENDING) for name in names if name.endswith(_PENDING)), None)
        if source is not None:
            of_source = [source + _PENDING, source + _RATE]
        topic = topic_read_by(vertex["name"])
        read = {place[1] for name in names if (place := partition_of(name)) and place[0] == topic}
        partitions = len(read) or None
    wanted = [_BUSY, _HELD_BACK, *of_source]
    found = {metric["id"]: metric for metric in rest.get(path, get=",".join(wanted), agg="avg,sum")}
    if _BUSY not in found:
        return None
    return _Part(
        name=vertex["name"],
        busy=_share(found[_BUSY]["avg"]),
        held_back=_share(found[_HELD_BACK]["avg"]) if _HELD_BACK in found else 0.0,
        bound=bound(vertex, partitions),
        backlog=_count(found[of_source[0]]["sum"]) if of_source and of_source[0] in found else None,
        rate=_number(found[of_source[1]]["sum"]) if of_source and of_source[1] in found else 0.0,
    )


def _share(value: Any) -> float:
    """Milliseconds a second as a share. A part that cannot tell how busy it is says NaN."""
    return min(max(_number(value) / 1000, 0.0), 1.0)


def _count(value: Any) -> int:
    return max(int(_number(value)), 0)


def _number(value: Any) -> float:
    number = float(value)
    return number if number == number else 0.0
