"""How fast a job reads its topics, seen from outside: offsets it commits with each checkpoint, and when that was taken.

The offsets of a checkpoint are those at the moment its barrier left the sources, which the JobManager records to the
millisecond as the checkpoint's trigger. Metrics of the JobManager would be up to ten seconds old.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.looking import Looking
from headwater.problem import HeadwaterError
from resources.flink.rest import FlinkRest

FIRST_SHARE, LAST_SHARE = 0.20, 0.95
"""The part of the records over which a rate is taken: not the start, which is measured by itself, and not the tail."""

_FEWEST = 4
_POLL_SECONDS = 0.05
_PATIENCE = 240.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A completed checkpoint; times in seconds since 1970."""

    id: int
    triggered_at: float
    completed_at: float


@dataclass(slots=True)
class Watcher:
    """Notes, from a thread, when the committed total changed. Start it before the job.

    Args:
        total: Gives the records committed so far.
    """

    total: Callable[[], int]
    seen: list[tuple[float, int]] = field(default_factory=list)
    _looking: Looking = field(init=False)

    def __post_init__(self) -> None:
        self._looking = Looking(self._look, _POLL_SECONDS)

    def __enter__(self) -> "Watcher":
        self._looking.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._looking.__exit__(*exception)

    def _look(self) -> None:
        total = self.total()
        if total != (self.seen[-1][1] if self.seen else 0):
            self.seen.append((time.time(), total))

    @property
    def latest(self) -> int:
        """The newest total. Raises what the watching thread could not go on after."""
        self._looking.check()
        return self.seen[-1][1] if self.seen else 0


def follow(rest: FlinkRest, job_id: str, watcher: Watcher, records: int) -> float:
    """Wait until a job has read everything; give its rate in records per second.

    Raises HeadwaterError when it does not get there in time, or when there were too few checkpoints to tell.
    """
    taken: dict[int, Checkpoint] = {}
    deadline = time.monotonic() + _PATIENCE
    while watcher.latest < records:
        if time.monotonic() > deadline:
            raise HeadwaterError(
                f"Flink job {job_id} has read {watcher.latest:,} of {records:,} records in {_PATIENCE:.0f} s",
                left="the benchmark's own jobs and topics, which end with it",
                next_command="headwater bench again, on a machine with less to do",
            )
        # The JobManager keeps the last ten.
        taken.update(_completed(rest, job_id))
        time.sleep(0.5)
    taken.update(_completed(rest, job_id))
    return rate([(_started(rest, job_id), 0), *read_at(list(taken.values()), watcher.seen)], records)


def read_at(checkpoints: list[Checkpoint], seen: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """What had been read when each checkpoint was triggered.

    A checkpoint's offsets are committed shortly after it completes and stay until the next one completes, so its total
    is the last one seen before that.
    """
    ordered = sorted(checkpoints, key=lambda each: each.id)
    ends = [each.completed_at for each in ordered[1:]] + [float("inf")]
    points = []
    for checkpoint, end in zip(ordered, ends, strict=True):
        known = [total for at, total in seen if checkpoint.completed_at <= at < end]
        if known:
            points.append((checkpoint.triggered_at, known[-1]))
    return points


def rate(points: list[tuple[float, int]], records: int) -> float:
    """Records per second between two shares of the records, the times interpolated between checkpoints.

    Raises HeadwaterError when the points do not reach so far.
    """
    first, last = records * FIRST_SHARE, records * LAST_SHARE
    if len(points) < _FEWEST or points[0][1] > first or points[-1][1] < last:
        raise HeadwaterError(
            f"{len(points)} checkpoints are too few to tell how fast {records:,} records were read",
            next_command="headwater bench again, on a machine with less to do",
        )
    return (last - first) / (_moment(points, last) - _moment(points, first))


def _moment(points: list[tuple[float, int]], total: float) -> float:
    index = bisect_left(points, total, key=lambda point: point[1])
    if index == 0:
        return points[0][0]
    (before, low), (after, high) = points[index - 1], points[index]
    return before + (after - before) * (total - low) / (high - low)


def _started(rest: FlinkRest, job_id: str) -> float:
    """When the last of the job's tasks was started, seconds since 1970: nothing had been read before."""
    return max(vertex["start-time"] for vertex in rest.get(f"/jobs/{job_id}")["vertices"]) / 1000


def _completed(rest: FlinkRest, job_id: str) -> dict[int, Checkpoint]:
    history = rest.get(f"/jobs/{job_id}/checkpoints")["history"]
    return {
        each["id"]: Checkpoint(each["id"], each["trigger_timestamp"] / 1000, each["latest_ack_timestamp"] / 1000)
        for each in history
        if each["status"] == "COMPLETED"
    }
