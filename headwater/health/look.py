"""One look at one model's job: everything that is judged, put together in the same way for everyone who asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from headwater.compile.text import local_path
from headwater.engines import ActualJob, JobHealth, JobListing, JobState, RetainedState, TaskLoad
from headwater.model import Model, TableName

# Looks that a trend is seen in: with the fifteen seconds between two of the sensor's, the last minute.
_REMEMBERED = 5


class JobWatch(Protocol):
    """The part of a stream engine that tells how jobs are (headwater.engines.StreamEngine)."""

    def listing(self) -> JobListing:
        """Every job that Flink lists: alive, ended, and of others."""
        ...

    def health(self, job_id: str) -> JobHealth:
        """State, checkpoints, restore path and failure of one job."""
        ...

    def meant_start(self, job_id: str) -> str | None:
        """The URI of the state that the job was told to start from, "" for none; None when it does not say."""
        ...

    def retained_states(self, model: TableName) -> Sequence[RetainedState]:
        """Every completed checkpoint and savepoint of this model, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """How the tasks of a job had spent their time at one moment."""

    at: datetime
    tasks: tuple[TaskLoad, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of one model's job.

    Args:
        model: The declared model.
        declared: The fingerprint that its job would have.
        at: When, UTC.
        job: Its job, or None when Flink has none that has not ended.
        ended: The newest of its jobs that has ended, when there is no other.
        health: Of the job, or of the one that ended, when that has failed.
        misplaced: Why the job has not started from where it should have, or "".
        loads: Of this run of the job: at earlier looks, and at this one last.
    """

    model: Model
    declared: str
    at: datetime
    job: ActualJob | None = None
    ended: ActualJob | None = None
    health: JobHealth | None = None
    misplaced: str = ""
    loads: tuple[Load, ...] = ()


def look_at(
    model: Model, declared: str, listing: JobListing, watch: JobWatch, now: datetime, before: Look | None = None
) -> Look:
    """Look at the model's job.

    Args:
        model: The declared model.
        declared: The fingerprint that its job would have.
        listing: What Flink lists.
        watch: Asked for the rest.
        now: The moment of the look, UTC.
        before: The look before: without one nothing is known of trends.

    Raises HeadwaterError when Flink cannot be reached.
    """
    job = _newest(model, listing.alive)
    if job is not None:
        health = watch.health(job.id)
        return Look(
            model,
            declared,
            now,
            job=job,
            health=health,
            misplaced=_misplaced(job, health, watch, before),
            loads=_loads(job, health, now, before),
        )
    ended = _newest(model, listing.ended)
    health = None
    if ended is not None and ended.state is JobState.FAILED:
        seen = before is not None and before.ended is not None and before.ended.id == ended.id
        health = before.health if before is not None and seen else watch.health(ended.id)
    return Look(model, declared, now, ended=ended, health=health)


def _newest(model: Model, jobs: Sequence[ActualJob]) -> ActualJob | None:
    return next((job for job in jobs if job.model == model.name), None)


def _loads(job: ActualJob, health: JobHealth, now: datetime, before: Look | None) -> tuple[Load, ...]:
    """The loads of this run. A job that has started again counts its time from nought."""
    load = Load(now, health.tasks)
    if before is None or before.job is None or before.health is None:
        return (load,)
    goes_on = before.job.id == job.id and before.health.since == health.since
    return (*before.loads, load)[-_REMEMBERED:] if goes_on else (load,)


def _misplaced(job: ActualJob, health: JobHealth, watch: JobWatch, before: Look | None) -> str:
    """Why a job has not started from where it should have.

    That is where the platform told it to, or, where nobody told, the newest state that there was. After a failure
    Flink names a checkpoint of the job's own, which is right. State that has been removed since is given credit.
    """
    if health.state is not JobState.RUNNING:
        return ""
    same = before is not None and before.job is not None and before.job.id == job.id
    if before is not None and before.health is not None and same:
        known = before.health.state is JobState.RUNNING and before.health.restored_from == health.restored_from
        if known or _is_own(job, health):
            return before.misplaced
    if _is_own(job, health):
        return ""
    restored = local_path(health.restored_from) if health.restored_from else None
    states = watch.retained_states(job.model)
    earlier = [state for state in states if state.completed_at < job.started_at and job.id not in state.path.parts]
    if not earlier or restored == earlier[0].path:
        return ""
    if restored is not None and all(state.path != restored for state in earlier):
        return ""
    meant = watch.meant_start(job.id)
    if meant is not None and (local_path(meant) if meant else None) == restored:
        return ""
    newest = f"{earlier[0].path.name} of {earlier[0].completed_at:%Y-%m-%d %H:%M:%S} UTC"
    if restored is None:
        return f"it started without state, though there was {newest}"
    return f"it started from {restored.name}, though {newest} is newer"


def _is_own(job: ActualJob, health: JobHealth) -> bool:
    return health.restored_from is not None and job.id in local_path(health.restored_from).parts
