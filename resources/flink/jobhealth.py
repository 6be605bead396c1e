"""One job's health, put together from the JobManager's REST interface.

A look takes three requests (state with the tasks' times, checkpoints, restarts), one more for a job that has failed
before, one for each topic that it reads, and two for each window operator. The JobManager answers from its memory, in
a millisecond or two; it asks the TaskManagers for metrics every ten seconds by itself.
"""

import re
from datetime import UTC, datetime
from math import isnan
from typing import Any

from headwater.compile.binding import topic_read_by
from headwater.engines import JobHealth, JobState, TaskLoad
from resources.flink.rest import FlinkRest, last_cause

_HISTORY = "16"  # of exceptions, as many as Flink keeps (web.exception-history-size)
# What Flink puts for these in names of metrics: MetricQueryService.replaceInvalidChars.
_INVALID = re.compile(r"[ :.,]")
# A checkpoint that was under way when the job failed says nothing of checkpoints.
_CUT_OFF = "Checkpoint Coordinator is suspending"


def read_health(rest: FlinkRest, job_id: str) -> JobHealth:
    """What the JobManager says of one job. Raises HeadwaterError when it does not know it, or cannot be reached."""
    job = rest.get(f"/jobs/{job_id}")
    state = JobState(job["state"])
    checkpoints = rest.get(f"/jobs/{job_id}/checkpoints")
    latest = checkpoints.get("latest") or {}
    completed = latest.get("completed") or {}
    restored = latest.get("restored") or {}
    failed, failure = _failed_in_a_row(checkpoints.get("history") or [])
    restarts = _restarts(rest, job_id)
    # The count of restarts is up to ten seconds old; a job restored from a checkpoint of its own has restarted.
    has_failed = restarts > 0 or state is not JobState.RUNNING or job_id in (restored.get("external_path") or "")
    exceptions = _exceptions(rest, job_id) if has_failed else []
    trace = exceptions[0]["stacktrace"] if exceptions else ""
    if state is JobState.FAILED and not trace:
        trace = _result(rest, job_id)
    return JobHealth(
        state=state,
        checkpoints_completed=checkpoints.get("counts", {}).get("completed", 0),
        restored_from=restored.get("external_path"),
        last_checkpoint_at=instant(completed.get("latest_ack_timestamp")),
        restarts=restarts,
        failure=last_cause(trace) if trace else "",
        late_dropped=_late_dropped(rest, job_id, job["vertices"]),
        since=_since(job.get("timestamps", {}), state, exceptions),
        failed_at=tuple(at for at in (instant(entry["timestamp"]) for entry in exceptions) if at is not None),
        trace=trace,
        checkpoints_failed=failed,
        checkpoint_failure=failure,
        tasks=tuple(_load(rest, job_id, vertex) for vertex in job["vertices"]) if state is JobState.RUNNING else (),
        state_bytes=int(completed.get("state_size") or 0),
    )


def instant(milliseconds: int | None) -> datetime | None:
    """Flink's milliseconds since 1970 as an instant."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _since(timestamps: dict[str, int], state: JobState, exceptions: list[dict[str, Any]]) -> datetime | None:
    """When the job came into its state.

    A job of the adaptive scheduler that waits for slots again is CREATED with the times of its first start alone (seen
    with Flink 2.0): it has not waited for longer than since its newest failure.
    """
    known = list(timestamps.values())
    if state is not JobState.RUNNING:
        known += [entry["timestamp"] for entry in exceptions]
    return instant(max(known, default=0) or None)


def _restarts(rest: FlinkRest, job_id: str) -> int:
    """Restarts after a failure: Flink counts those of a rescaling among them."""
    metrics = rest.get(f"/jobs/{job_id}/metrics", get="numRestarts,numRescales")
    found = {metric["id"]: int(float(metric["value"])) for metric in metrics}
    return max(found.get("numRestarts", 0) - found.get("numRescales", 0), 0)


def _exceptions(rest: FlinkRest, job_id: str) -> list[dict[str, Any]]:
    """The newest exceptions first."""
    history = rest.get(f"/jobs/{job_id}/exceptions", maxExceptions=_HISTORY)
    return history.get("exceptionHistory", {}).get("entries", [])


def _result(rest: FlinkRest, job_id: str) -> str:
    """Why a job failed that never came to run: its history of exceptions is empty, its result has the cause."""
    result = rest.get(f"/jobs/{job_id}/execution-result").get("job-execution-result") or {}
    return (result.get("failure-cause") or {}).get("stack-trace", "")


def _failed_in_a_row(history: list[dict[str, Any]]) -> tuple[int, str]:
    """How many of the newest checkpoints failed, and why the newest of them did."""
    reasons = []
    for checkpoint in history:
        if checkpoint["status"] == "COMPLETED":
            break
        reason = checkpoint.get("failure_message") or ""
        if checkpoint["status"] == "FAILED" and not reason.startswith(_CUT_OFF):
            reasons.append(reason)
    return len(reasons), reasons[0] if reasons else ""


def _load(rest: FlinkRest, job_id: str, vertex: dict[str, Any]) -> TaskLoad:
    metrics = vertex.get("metrics", {})
    return TaskLoad(
        name=vertex["name"],
        held_up=_number(metrics.get("accumulated-backpressured-time")),
        busy=_number(metrics.get("accumulated-busy-time")),
        idle=_number(metrics.get("accumulated-idle-time")),
        read=int(_number(metrics.get("read-records"))),
        waiting=_waiting(rest, job_id, vertex) if topic_read_by(vertex["name"]) else None,
        subtasks=vertex.get("parallelism", 1),
    )


def _number(value: Any) -> float:
    """A metric's number; Flink writes "NaN" where it has none."""
    found = float(value or 0)
    return 0.0 if isnan(found) else found


def _waiting(rest: FlinkRest, job_id: str, vertex: dict[str, Any]) -> int | None:
    """Records that a Kafka source has not read yet (`pendingRecords`, https://cwiki.apache.org/confluence/x/ZgSxC)."""
    operator = _INVALID.sub("_", vertex["name"].partition(" -> ")[0])[:80]
    path = f"/jobs/{job_id}/vertices/{vertex['id']}/subtasks/metrics"
    metrics = rest.get(path, get=f"{operator}.pendingRecords", agg="sum")
    return int(metrics[0]["sum"]) if metrics else None


def _late_dropped(rest: FlinkRest, job_id: str, vertices: list[dict[str, Any]]) -> int:
    """Rows that windows dropped. The metric belongs to an operator, so its full name must be asked for first."""
    dropped = 0
    for vertex in vertices:
        if "Window" not in vertex["name"]:
            continue
        path = f"/jobs/{job_id}/vertices/{vertex['id']}/metrics"
        names = [m["id"] for m in rest.get(path) if m["id"].endswith("numLateRecordsDropped")]
        if names:
            dropped += sum(int(float(m["value"])) for m in rest.get(path, get=",".join(names)))
    return dropped
