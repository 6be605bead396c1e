"""When a job counts as started, and what is told when it does not start."""

import time
from pathlib import Path

from headwater.compile.text import local_path
from headwater.engines import ActualJob, JobHealth, JobState, StreamEngine
from headwater.model import TableName
from headwater.plan.earlier import way_on
from headwater.problem import HeadwaterError

POLL_SECONDS = 0.1
RESTARTS = 3
"""A job that has failed so often and has no checkpoint yet fails for a reason that waiting does not change."""


def is_healthy(health: JobHealth) -> bool:
    """Running, and at least one checkpoint completed since it was submitted."""
    return health.state is JobState.RUNNING and health.checkpoints_completed > 0


def await_healthy(
    engine: StreamEngine, table: TableName, job_id: str, restored: Path | None, *, patience: float
) -> None:
    """Wait until a job is healthy and see that it started from where it should.

    Args:
        engine: The Flink cluster.
        table: The model that the job writes.
        job_id: Flink's id of the job.
        restored: The state that it should have started from; None for a job without one, or one started elsewhere.
        patience: Seconds it may take.

    Raises:
        HeadwaterError: It is not healthy in time, has ended, or started from elsewhere.
    """
    deadline = time.monotonic() + patience
    while not is_healthy(health := engine.health(job_id)):
        if health.state.is_final or health.restarts >= RESTARTS or time.monotonic() > deadline:
            raise _unhealthy(engine, table, job_id, health, restored)
        time.sleep(POLL_SECONDS)
    if restored is not None and not _started_from(health.restored_from, restored, job_id):
        raise HeadwaterError(
            f"Job {table} ({job_id}) runs, but started from {health.restored_from or 'nothing'} instead of {restored}",
            left=f"the running job, and the state at {restored}",
            next_command="headwater logs jobmanager; cancel the job on Flink's page, then headwater apply",
        )


def await_end(engine: StreamEngine, table: TableName, job_id: str, *, patience: float) -> None:
    """Wait until Flink no longer lists a job. Raises HeadwaterError when it does not end in time."""
    deadline = time.monotonic() + patience
    while any(found.id == job_id for found in engine.jobs()):
        if time.monotonic() > deadline:
            raise HeadwaterError(
                f"Job {table} ({job_id}) did not end within {patience:.0f} s",
                left="the job, still ending",
                next_command="headwater status, then headwater apply",
            )
        time.sleep(POLL_SECONDS)


def end(engine: StreamEngine, job: ActualJob, *, patience: float) -> None:
    """Cancel a job and wait until it has ended. Raises HeadwaterError when it does not in time."""
    engine.cancel(job)
    await_end(engine, job.model, job.id, patience=patience)


def end_job_of(engine: StreamEngine, table: TableName, *, patience: float) -> None:
    """Cancel whatever writes this table, and wait until it has ended. Raises what `end` does."""
    for job in engine.jobs():
        if job.model == table:
            end(engine, job, patience=patience)


def pair_when_ended(engine: StreamEngine, job: ActualJob, savepoint: Path, *, patience: float) -> int | None:
    """Wait until a stopped job has ended, since it commits its last rows then, and pair its savepoint with that
    snapshot; give its id.

    Raises HeadwaterError when the job does not end in time.
    """
    await_end(engine, job.model, job.id, patience=patience)
    return engine.pair(job.model, savepoint)


def _unhealthy(
    engine: StreamEngine, table: TableName, job_id: str, health: JobHealth, restored: Path | None
) -> HeadwaterError:
    left = f"the state it started from, {restored}" if restored else "the table; the job had no earlier state"
    if not health.state.is_final:
        left += f"; the job, {health.state.value}"
    return HeadwaterError(
        f"Job {table} ({job_id}) is {health.state.value} and not healthy: "
        f"{health.failure or 'no checkpoint completed, and Flink gives no reason'}",
        left=left,
        next_command="headwater logs jobmanager; correct the model, then headwater apply"
        + (f". If that state is damaged: {way_on(engine, table, restored)}" if restored else ""),
    )


def _started_from(reported: str | None, expected: Path, job_id: str) -> bool:
    """Flink names the newest restore: from the expected state or, after a failure, a checkpoint of the job's own."""
    if reported is None:
        return False
    path = local_path(reported)
    return path == expected or job_id in path.parts
