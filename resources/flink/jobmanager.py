"""The JobManager's REST interface, in the core's words."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.compile.text import file_uri, local_path
from headwater.engines import ActualJob, ForeignJob, JobHealth, JobListing, JobScale, JobState, SavepointLost
from headwater.load import Load
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink import rescaling
from resources.flink.jobhealth import instant, read_health
from resources.flink.load import load
from resources.flink.offsets import offsets_read
from resources.flink.rest import FlinkRest, last_cause
from resources.flink.statefolder import fingerprint_of

TRIAL = "trial of "
"""How the names of trials begin. Without @ in it, it is no job of the platform: nothing plans, stops or counts it."""

BACKFILL = "backfill of "
"""How the names of batch jobs begin that bring a backfill's rows into a table."""

_SAVEPOINT_SECONDS = 60.0
_POLL_SECONDS = 0.05
# Most savepoints are there by then; only after that is it asked whether the job still runs.
_UNDISTURBED_SECONDS = 1.0

_NOT_EXECUTING = ("job is currently not executing", "FlinkJobNotFoundException")


class NotExecuting(HeadwaterError):
    """The job takes no savepoint now: it is being stopped with one already, was just stopped, or has not come up."""


class JobManager:
    """The JobManager at one address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rest = FlinkRest(url, "Flink's JobManager")

    def jobs(self) -> tuple[ActualJob, ...]:
        """Jobs named `<model>@<fingerprint>` that have not ended, newest first."""
        return self.listing().alive

    def listing(self) -> JobListing:
        """Every job that is listed. Those not named `<model>@<fingerprint>` are none of ours; passing ones nobody's."""
        found = sorted(self._rest.get("/jobs/overview")["jobs"], key=lambda job: job["start-time"], reverse=True)
        ours = [job for job in map(self._actual, found) if job is not None]
        foreign = [job for job in found if self._actual(job) is None and not job["name"].startswith((TRIAL, BACKFILL))]
        return JobListing(
            alive=tuple(job for job in ours if not job.state.is_final),
            ended=tuple(job for job in ours if job.state.is_final),
            foreign=tuple(
                ForeignJob(job["jid"], job["name"], JobState(job["state"]), self._page(job["jid"]))
                for job in foreign
                if not JobState(job["state"]).is_final
            ),
        )

    def is_running(self, name: str) -> bool:
        """A job of this name has not ended."""
        found = self._rest.get("/jobs/overview")["jobs"]
        return any(job["name"] == name and not JobState(job["state"]).is_final for job in found)

    def deployment(self, job_id: str) -> str:
        """The deployment in the job's name."""
        return self._rest.get(f"/jobs/{job_id}")["name"].partition("@")[2]

    def health(self, job_id: str) -> JobHealth:
        """State, checkpoints, restore path, restarts, late rows, load and the newest failure of one job."""
        return read_health(self._rest, job_id)

    def newest_checkpoint(self, job_id: str) -> tuple[int, datetime] | None:
        """The number of the newest completed checkpoint and when it was complete; None while there is none."""
        completed = (self._rest.get(f"/jobs/{job_id}/checkpoints").get("latest") or {}).get("completed")
        at = instant((completed or {}).get("latest_ack_timestamp"))
        return (completed["id"], at) if completed and at else None

    def watermark(self, job_id: str) -> datetime | None:
        """The event time up to which every part of the job has come; None while one of them has none."""
        vertices = self._rest.get(f"/jobs/{job_id}")["vertices"]
        paths = [f"/jobs/{job_id}/vertices/{vertex['id']}/watermarks" for vertex in vertices]
        found = [int(entry["value"]) for path in paths for entry in self._rest.get(path)]
        return instant(min(found)) if found and min(found) > 0 else None

    def parameter(self, job_id: str, name: str) -> str | None:
        """A parameter that the job was submitted with (`pipeline.global-job-parameters`), or None."""
        config = self._rest.get(f"/jobs/{job_id}/config").get("execution-config", {})
        return config.get("user-config", {}).get(name)

    def knows(self, job_id: str) -> bool:
        """The job has come to this JobManager since it was started, whatever has become of it."""
        return any(job["jid"] == job_id for job in self._rest.get("/jobs/overview")["jobs"])

    def stop_with_savepoint(self, job_id: str, folder: Path) -> Path:
        """Stop the job; give its savepoint's path.

        Raises SavepointLost when the job failed meanwhile, NotExecuting when it is being stopped already, and
        HeadwaterError when Flink could not make one.
        """
        return self._savepoint(job_id, f"/jobs/{job_id}/stop", {"targetDirectory": file_uri(folder), "drain": False})

    def savepoint(self, job_id: str, folder: Path) -> Path:
        """Make a savepoint of a job that runs on; give its path.

        Raises SavepointLost when the job failed meanwhile, HeadwaterError when Flink could not make one.
        """
        asked = {"target-directory": file_uri(folder), "cancel-job": False}
        return self._savepoint(job_id, f"/jobs/{job_id}/savepoints", asked)

    def _savepoint(self, job_id: str, path: str, asked: dict[str, Any]) -> Path:
        run = self._run(job_id)
        if run is None:
            raise _lost(job_id)
        operation = self._awaited(job_id, self._rest.post(path, asked)["request-id"], run)
        if "location" in operation:
            return local_path(operation["location"])
        if self._has_failed(job_id, run):
            raise _lost(job_id)
        cause = operation.get("failure-cause", {})
        raise self._no_savepoint(job_id, last_cause(cause.get("stack-trace", str(cause))))

    def _has_failed(self, job_id: str, run: int) -> bool:
        """Whether this run of the job is over. What Flink says of a job may be a moment old."""
        deadline = time.monotonic() + _UNDISTURBED_SECONDS
        while self._run(job_id) == run:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _awaited(self, job_id: str, request: str, run: int) -> dict[str, Any]:
        """What came of a savepoint. Flink does not answer for one whose job fails meanwhile."""
        begun = time.monotonic()
        while True:
            answer = self._rest.get(f"/jobs/{job_id}/savepoints/{request}")
            if answer["status"]["id"] == "COMPLETED":
                return answer["operation"]
            waited = time.monotonic() - begun
            if waited > _SAVEPOINT_SECONDS:
                raise self._too_slow(job_id)
            if waited > _UNDISTURBED_SECONDS and self._run(job_id) != run:
                raise _lost(job_id)
            time.sleep(_POLL_SECONDS)

    def _run(self, job_id: str) -> int | None:
        """Which run of the job this is, by when it began; None when it fails. One that is stopped in order goes on.

        A job whose task fails while it is being stopped stays RUNNING for as long as a checkpoint may take.
        """
        job = self._rest.get(f"/jobs/{job_id}")
        fails = any(vertex.get("status") == JobState.FAILED for vertex in job.get("vertices", []))
        is_well = JobState(job["state"]) in (JobState.RUNNING, JobState.FINISHED) and not fails
        return job.get("timestamps", {}).get("RUNNING") if is_well else None

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

    def offsets_read(self, job_id: str) -> dict[str, int]:
        """How far the job has read its topics (resources.flink.offsets)."""
        return offsets_read(self._rest, job_id)

    def load(self, job_id: str) -> Load | None:
        """See LoadMeter.load."""
        return load(self._rest, job_id)

    def scale(self, job_id: str) -> JobScale | None:
        """See StreamEngine.scale."""
        return rescaling.scale(self._rest, job_id)

    def rescale(self, job: ActualJob, parallelism: int, partitions: rescaling.Partitions) -> None:
        """See resources.flink.rescaling.rescale."""
        rescaling.rescale(self._rest, job, parallelism, partitions)

    def slots(self) -> tuple[int, int]:
        """Free and total task slots."""
        overview = self._rest.get("/overview")
        return overview["slots-available"], overview["slots-total"]

    def taskmanagers(self) -> int:
        """How many processes run tasks."""
        return self._rest.get("/overview")["taskmanagers"]

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
            url=self._page(job["jid"]),
        )

    def _page(self, job_id: str) -> str:
        return f"{self._url}/#/job/running/{job_id}/overview"

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


def _lost(job_id: str) -> SavepointLost:
    return SavepointLost(
        f"Job {job_id} failed while its savepoint was made",
        left="the job's newest checkpoint",
        next_command="headwater status says why it fails",
    )
