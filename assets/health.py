"""Is a job doing what it should: two checks, judged from one look at the JobManager."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from assets.naming import job_key
from headwater.engines import ActualJob, JobHealth, JobState
from headwater.model import Model

JOB_RUNNING = "job_running"
CHECKPOINT_RECENT = "checkpoint_recent"

# A checkpoint is overdue after this many intervals, and never before a minute: one that is slow is not yet missing.
_INTERVALS = 10
_SHORTEST_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's outcome and the reason in words."""

    check: str
    passed: bool
    reason: str

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """A job that does not run is an error; one whose checkpoints are late still works, for now."""
        return dg.AssetCheckSeverity.ERROR if self.check == JOB_RUNNING else dg.AssetCheckSeverity.WARN


def check_specs(model: Model) -> list[dg.AssetCheckSpec]:
    """The two checks of a model's job."""
    key = job_key(model.name)
    return [dg.AssetCheckSpec(JOB_RUNNING, asset=key), dg.AssetCheckSpec(CHECKPOINT_RECENT, asset=key)]


def judge(model: Model, job: ActualJob | None, health: JobHealth | None, now: datetime) -> Sequence[Verdict]:
    """Both verdicts on a model's job.

    Args:
        model: The declared model.
        job: Its job, or None when Flink has none that has not ended.
        health: What the JobManager says of that job.
        now: The moment of the look, UTC.
    """
    if job is None or health is None:
        missing = f"Flink has no job of {model.name}"
        return Verdict(JOB_RUNNING, False, missing), Verdict(CHECKPOINT_RECENT, False, missing)
    return _running(health), _checkpointed(model, job, health, now)


def _running(health: JobHealth) -> Verdict:
    reason = f"{health.state.value}, {health.restarts} restarts"
    if health.failure:
        reason += f"; last failure: {health.failure}"
    return Verdict(JOB_RUNNING, health.state is JobState.RUNNING, reason)


def _checkpointed(model: Model, job: ActualJob, health: JobHealth, now: datetime) -> Verdict:
    patience = max(_SHORTEST_PATIENCE, _INTERVALS * (model.job.checkpoint_interval or timedelta()))
    last = health.last_checkpoint_at
    age = now - (last or job.started_at)
    since = "since the newest checkpoint" if last else "since the start, and no checkpoint yet"
    if age < -patience:
        # Until the next checkpoint, nobody knows how old this one is.
        to_come = f"the clock was set back: the newest checkpoint is of {last or job.started_at:%Y-%m-%d %H:%M:%S} UTC"
        return Verdict(CHECKPOINT_RECENT, False, to_come)
    return Verdict(CHECKPOINT_RECENT, age <= patience, f"{max(0, age.total_seconds()):.0f} s {since}")
