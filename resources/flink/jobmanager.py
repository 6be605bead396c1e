"""The JobManager's REST interface, in the core's words."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.compile.text import file_uri, local_path
from headwater.engines import ActualJob, JobHealth, JobState
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink.rest import FlinkRest, last_cause
from resources.flink.statefolder import fingerprint_of

_SAVEPOINT_SECONDS = 60.0
_POLL_SECONDS = 0.05


_NOT_EXECUTING = ("job is currently not executing", "FlinkJobNotFoundException")


class NotExecuting(HeadwaterError):
    """The job takes no savepoint now: it is being stopped with one already, was just stopped, or has not come up."""


class JobManager:
    """The JobManager at one address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rest = FlinkRest(url, "Flink's JobManager")

    def jobs(self) -> tuple[ActualJob, ...]:
        """Jobs named `<model>@<fingerprint>` that have not ended, newest first. Other jobs are none of ours."""
        found = [self._actual(job) for job in self._rest.get("/jobs/overview")["jobs"]]
        alive = [job for job in found if job is not None and not job.state.is_final]
        return tuple(sorted(alive, key=lambda job: job.started_at, reverse=True))

    def deployment(self, job_id: str) -> str:
        """The deployment in the job's name."""
        return self._rest.get(f"/jobs/{job_id}")["name"].partition("@")[2]

    def health(self, job_id: str) -> JobHealth:
        """State, checkpoints, restore path, restarts, late rows and the newest failure of one job."""
        job = self._rest.get(f"/jobs/{job_id}")
        state = JobState(job["state"])
        checkpoints = self._rest.get(f"/jobs/{job_id}/checkpoints")
        latest = checkpoints.get("latest") or {}
        completed = latest.get("completed") or {}
        restored = latest.get("restored") or {}
        restarts = self._restarts(job_id)
        return JobHealth(
            state=state,
            checkpoints_completed=checkpoints.get("counts", {}).get("completed", 0),
            restored_from=restored.get("external_path"),
            last_checkpoint_at=_instant(completed.get("latest_ack_timestamp")),
            restarts=restarts,
            failure=self._failure(job_id, state) if restarts or state is not JobState.RUNNING else "",
            late_dropped=self._late_dropped(job_id, job["vertices"]),
            checkpoint_failure=_checkpoint_failure(latest),
        )

    def ended(self) -> dict[TableName, ActualJob]:
        """Of each model, its newest job that has ended, as long as the JobManager remembers it."""
        found = [self._actual(job) for job in self._rest.get("/jobs/overview")["jobs"]]
        over = [job for job in found if job is not None and job.state.is_final]
        return {job.model: job for job in sorted(over, key=lambda job: job.started_at)}

    def knows(self, job_id: str) -> bool:
        """The job has come to this JobManager since it was started, whatever has become of it."""
        return any(job["jid"] == job_id for job in self._rest.get("/jobs/overview")["jobs"])

    def stop_with_savepoint(self, job_id: str, folder: Path) -> Path:
        """Stop the job; give its savepoint's path.

        Raises NotExecuting when it is being stopped already, HeadwaterError when Flink could not make a savepoint.
        """
        trigger = self._rest.post(f"/jobs/{job_id}/stop", {"targetDirectory": file_uri(folder), "drain": False})
        return self._made(job_id, trigger["request-id"])

    def savepoint(self, job_id: str, folder: Path) -> Path:
        """Make a savepoint of a job that runs on; give its path. Raises HeadwaterError when Flink could not."""
        asked = {"target-directory": file_uri(folder), "cancel-job": False}
        trigger = self._rest.post(f"/jobs/{job_id}/savepoints", asked)
        return self._made(job_id, trigger["request-id"])

    def _made(self, job_id: str, request: str) -> Path:
        path = f"/jobs/{job_id}/savepoints/{request}"
        deadline = time.monotonic() + _SAVEPOINT_SECONDS
        while True:
            answer = self._rest.get(path)
            if answer["status"]["id"] == "COMPLETED":
                break
            if time.monotonic() > deadline:
                raise self._too_slow(job_id)
            time.sleep(_POLL_SECONDS)
        operation = answer["operation"]
        if "location" not in operation:
            cause = operation.get("failure-cause", {})
            raise self._no_savepoint(job_id, last_cause(cause.get("stack-trace", str(cause))))
        return local_path(operation["location"])

    def await_stop(self, job_id: str) -> None:
        """Wait until a job that is being stopped has ended. Raises HeadwaterError when it does not in time."""
        deadline = time.monotonic() + _SAVEPOINT_SECONDS
        while not JobState(self._rest.get(f"/jobs/{job_id}")["state"]).is_final:
            if time.monotonic() > deadline:
                raise self._too_slow(job_id)
            time.sleep(_POLL_SECONDS)

    def cancel(self, job_id: str) -> None:
        """Stop the job without a savepoint."""
        self._rest.patch(f"/jobs/{job_id}?mode=cancel")

    def slots(self) -> tuple[int, int]:
        """Free and total task slots."""
        overview = self._rest.get("/overview")
        return overview["slots-available"], overview["slots-total"]

    def held_slots(self, job_id: str) -> int:
        """Task slots that a job holds: as many as its widest operator that runs, since operators share them."""
        vertices = self._rest.get(f"/jobs/{job_id}")["vertices"]
        return max((vertex["parallelism"] for vertex in vertices if vertex["status"] == "RUNNING"), default=0)

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()

    def _actual(self, job: dict[str, Any]) -> ActualJob | None:
        name, at, deployment = job["name"].partition("@")
        if not at:
            return None
        try:
            model = TableName.parse(name)
        except ValueError:
            return None
        return ActualJob(
            id=job["jid"],
            model=model,
            fingerprint=fingerprint_of(deployment),
            state=JobState(job["state"]),
            started_at=datetime.fromtimestamp(job["start-time"] / 1000, UTC),
            url=f"{self._url}/#/job/running/{job['jid']}/overview",
        )

    def _restarts(self, job_id: str) -> int:
        metrics = self._rest.get(f"/jobs/{job_id}/metrics", get="numRestarts")
        return int(float(metrics[0]["value"])) if metrics else 0

    def _failure(self, job_id: str, state: JobState) -> str:
        history = self._rest.get(f"/jobs/{job_id}/exceptions", maxExceptions="1")
        entries = history.get("exceptionHistory", {}).get("entries", [])
        if entries:
            return last_cause(entries[0]["stacktrace"])
        if state is not JobState.FAILED:
            return ""
        # A job that could not be restored has failed before it had a history; its result alone says why.
        result = self._rest.get(f"/jobs/{job_id}/execution-result").get("job-execution-result", {})
        return last_cause(result.get("failure-cause", {}).get("stack-trace", ""))

    def _late_dropped(self, job_id: str, vertices: list[dict[str, Any]]) -> int:
        """Rows that windows dropped. The metric belongs to an operator, so its full name must be asked for first."""
        dropped = 0
        for vertex in vertices:
            if "Window" not in vertex["name"]:
                continue
            path = f"/jobs/{job_id}/vertices/{vertex['id']}/metrics"
            names = [m["id"] for m in self._rest.get(path) if m["id"].endswith("numLateRecordsDropped")]
            if names:
                dropped += sum(int(float(m["value"])) for m in self._rest.get(path, get=",".join(names)))
        return dropped

    def _too_slow(self, job_id: str) -> HeadwaterError:
        return HeadwaterError(
            f"Flink made no savepoint of job {job_id}: none within {_SAVEPOINT_SECONDS:.0f} s",
            left="the job, which runs on and stops by itself when its savepoint is complete",
            next_command="headwater apply waits for it again; to go on without it, cancel the job at "
            f"{self._url}/#/job/running/{job_id}, then headwater apply: it starts from its newest checkpoint",
        )

    def _no_savepoint(self, job_id: str, why: str) -> HeadwaterError:
        kind = NotExecuting if any(said in why for said in _NOT_EXECUTING) else HeadwaterError
        return kind(
            f"Flink made no savepoint of job {job_id}: {why}",
            left="the job's newest checkpoint; the job may still be running",
            next_command="headwater status, then headwater apply",
        )


def _checkpoint_failure(latest: dict[str, Any]) -> str:
    """Why the newest of a job's checkpoints failed; the message of Flink's own wrapper says the least of it."""
    failed, completed = latest.get("failed") or {}, latest.get("completed") or {}
    if failed.get("id", -1) <= completed.get("id", -1):
        return ""
    return last_cause(failed.get("failure_message") or "no reason given")


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
