"""What is wrong with a job or a process right now, in a sentence, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.engines import ActualJob, JobHealth, JobState, RetainedState
from headwater.model import TableName
from headwater.plan.earlier import described

# A checkpoint that failed is tried again at the next interval; only when none succeeds for long is it a trouble.
_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be.

    Args:
        subject: The table whose job it is, or the process.
        what: What is wrong with it.
        next_command: What to do.
    """

    subject: str
    what: str
    next_command: str

    def __str__(self) -> str:
        return f"{self.subject} {self.what}\n  next:  {self.next_command}"


def missing_job(model: TableName, ended: ActualJob | None, failure: str, state: RetainedState | None) -> Trouble:
    """A declared job that does not run.

    Args:
        model: Its table.
        ended: The newest job of it that Flink knows, which has ended; None when Flink knows none.
        failure: Why that one failed, or "".
        state: What it would start from.
    """
    if ended is not None and ended.state is JobState.FAILED:
        what = f"has no job: Flink has given up after many attempts: {failure or 'no reason is known'}"
    elif ended is not None:
        what = f"has no job: it was ended ({ended.state.value})"
    else:
        what = "has no job: none was started, or Flink has lost it with a JobManager that was killed"
    start = f"starts it from its {described(state)}" if state else "starts it"
    return Trouble(str(model), what, f"headwater apply {start}")


def job_trouble(job: ActualJob, health: JobHealth, now: datetime) -> Trouble | None:
    """What is wrong with a job that Flink has, or None."""
    if health.state is not JobState.RUNNING:
        return _not_running(job, health)
    age = now - (health.last_checkpoint_at or job.started_at)
    # A time to come: the clock has been set back since, and what it says of ages is worth nothing.
    if not health.checkpoint_failure or timedelta() <= age <= _PATIENCE:
        return None
    return Trouble(
        str(job.model),
        f"runs, but completes no checkpoint, so its rows are not committed: {health.checkpoint_failure}",
        "make room or bring back what fails: headwater logs jobmanager; the job then goes on by itself",
    )


def _not_running(job: ActualJob, health: JobHealth) -> Trouble:
    why = f": {health.failure}" if health.failure else ""
    return Trouble(
        str(job.model),
        f"is {health.state.value} after {health.restarts} restarts{why}",
        "Flink tries again by itself, with growing pauses; when its SQL throws, correct it, then headwater apply: "
        "the job goes on from its newest checkpoint",
    )


def process_trouble(name: str, state: str, restarts: int) -> Trouble | None:
    """What is wrong with a process of the local stack, or None.

    Args:
        name: As `headwater logs` calls it.
        state: The supervisor's word.
        restarts: How often it was started again.
    """
    if state in ("RUNNING", "STARTING"):
        return None
    what = f"is {state}"
    if state in ("BACKOFF", "EXITED"):
        what += f": it ends again and again ({restarts} restarts), and is tried again with growing pauses"
    elif state == "FATAL":
        what += ": it has ended too often and was given up"
    again = "; then headwater down and headwater up" if state == "FATAL" else ""
    return Trouble(name, what, f"headwater logs {name}{again}")
