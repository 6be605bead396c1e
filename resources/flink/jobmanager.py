"""The JobManager's REST interface, in the core's words."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.compile.text import file_uri, local_path
from headwater.engines import ActualJob, ForeignJob, JobHealth, JobListing, JobState
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink.jobhealth import read_health
from resources.flink.rest import FlinkRest, last_cause
from resources.flink.statefolder import fingerprint_of

TRIAL = "trial of "
"""How the names of trials begin. Without @ in it, it is no job of the platform: nothing plans, stops or counts it."""

_SAVEPOINT_SECONDS = 60.0
_POLL_SECONDS = 0.05


class JobManager:
    """The JobManager at one address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._rest = FlinkRest(url, "Flink's JobManager")

    def jobs(self) -> tuple[ActualJob, ...]:
        """Jobs named `<model>@<fingerprint>` that have not ended, newest first."""
        return self.listing().alive

    def listing(self) -> JobListing:
        """Every job that is listed. Those not named `<model>@<fingerprint>` are none of ours; trials are nobody's."""
        found = sorted(self._rest.get("/jobs/overview")["jobs"], key=lambda job: job["start-time"], reverse=True)
        ours = [job for job in map(self._actual, found) if job is not None]
        foreign = [job for job in found if self._actual(job) is None and not job["name"].startswith(TRIAL)]
        return JobListing(
            alive=tuple(job for job in ours if not job.state.is_final),
            ended=tuple(job for job in ours if job.state.is_final),
            foreign=tuple(
                ForeignJob(job["jid"], job["name"], JobState(job["state"]), self._page(job["jid"]))
                for job in foreign
                if not JobState(job["state"]).is_final
            ),
        )

    def deployment(self, job_id: str) -> str:
        """The deployment in the job's name."""
        return self._rest.get(f"/jobs/{job_id}")["name"].partition("@")[2]

    def health(self, job_id: str) -> JobHealth:
        """State, checkpoints, restore path, restarts, late rows, load and the newest failure of one job."""
        return read_health(self._rest, job_id)

    def parameter(self, job_id: str, name: str) -> str | None:
        """A parameter that the job was submitted with (`pipeline.global-job-parameters`), or None."""
        config = self._rest.get(f"/jobs/{job_id}/config").get("execution-config", {})
        return config.get("user-config", {}).get(name)

    def stop_with_savepoint(self, job_id: str, folder: Path) -> Path:
        """Stop the job; give its savepoint's path. Raises HeadwaterError when Flink could not make one."""
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
                raise self._no_savepoint(job_id, f"none within {_SAVEPOINT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)
        operation = answer["operation"]
        if "location" not in operation:
            cause = operation.get("failure-cause", {})
            raise self._no_savepoint(job_id, last_cause(cause.get("stack-trace", str(cause))))
        return local_path(operation["location"])

    def cancel(self, job_id: str) -> None:
        """Stop the job without a savepoint."""
        self._rest.patch(f"/jobs/{job_id}?mode=cancel")

    def slots(self) -> tuple[int, int]:
        """Free and total task slots."""
        overview = self._rest.get("/overview")
        return overview["slots-available"], overview["slots-total"]

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

    def _no_savepoint(self, job_id: str, why: str) -> HeadwaterError:
        return HeadwaterError(
            f"Flink made no savepoint of job {job_id}: {why}",
            left="the job's newest checkpoint; the job may still be running",
            next_command="headwater status, then headwater apply",
        )
