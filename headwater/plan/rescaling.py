"""Another parallelism for a job that runs: asked of Flink, and waited for."""

import time

from headwater.engines import ActualJob, JobState, StreamEngine
from headwater.plan.health import POLL_SECONDS
from headwater.problem import HeadwaterError


def rescale(engine: StreamEngine, job: ActualJob, parallelism: int, *, patience: float) -> None:
    """Let the job go on with this parallelism, and wait until it does, with a checkpoint completed since.

    It is not stopped: Flink takes it over at its next checkpoint, under the same id, so nothing is lost or doubled.

    Args:
        engine: The Flink cluster.
        job: A job as it was found.
        parallelism: Subtasks of every part that can run in so many.
        patience: Seconds that the job may take to change over and complete a checkpoint.

    Raises:
        HeadwaterError: It does not run, there are too few free slots, Flink refuses, or it takes too long.
    """
    scale = engine.scale(job.id) if job.state is JobState.RUNNING else None
    if scale is None:
        raise HeadwaterError(
            f"Job {job.model} does not run, so it cannot be scaled: it is {job.state.value}",
            left="the job as it was",
            next_command="headwater status, then headwater apply",
        )
    if scale.wanted == scale.running == parallelism:
        return
    slots = engine.slots()
    if parallelism - scale.running > slots.free:
        raise HeadwaterError(
            f"Job {job.model} would need {parallelism - scale.running} slots more, and {slots.free} of {slots.total} "
            "are free; those that a job gives back are free after about a minute",
            left=f"the job as it was, with {scale.running}",
            next_command="headwater scale shows who has them",
        )
    engine.rescale(job, parallelism)
    _await(engine, job, parallelism, patience)


def _await(engine: StreamEngine, job: ActualJob, parallelism: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    completed: int | None = None
    while True:
        scale, health = engine.scale(job.id), engine.health(job.id)
        if scale is None or scale.running != parallelism or health.state is not JobState.RUNNING:
            completed = None
        elif completed is None:
            completed = health.checkpoints_completed
        elif health.checkpoints_completed > completed:
            return
        if health.state.is_final or time.monotonic() > deadline:
            now = f"{health.state.value} with {scale.running}" if scale else health.state.value
            raise HeadwaterError(
                f"Job {job.model} ({job.id}) did not go on with {parallelism} subtasks within {patience:.0f} s: "
                + (health.failure or "no checkpoint completed since, and Flink gives no reason"),
                left=f"the job, {now}; Flink goes on trying",
                next_command=f"headwater scale {job.model}, or headwater logs jobmanager",
            )
        time.sleep(POLL_SECONDS)
