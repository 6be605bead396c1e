"""Are there slots for the jobs that a plan starts? Asked before anything is stopped for them."""

from headwater.engines import StreamEngine
from headwater.plan.stages import CancelJob, Plan, StopWithSavepoint, SubmitJob


def lack_of_slots(plan: Plan, engine: StreamEngine) -> str | None:
    """Why the plan's jobs would not all run as declared; None when they will.

    Flink would start a job with fewer slots than it declares, and leave none for the next, which then waits for ever:
    https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/deployment/elastic_scaling/#adaptive-scheduler
    A cluster without any slot has lost its TaskManagers for a moment; jobs wait for them.
    """
    starts = [stage.job for stage in plan.stages if isinstance(stage, SubmitJob)]
    needed = sum(job.slots for job in starts)
    if not needed:
        return None
    slots = engine.slots()
    if not slots.total or needed <= slots.free:
        return None
    ended = [stage.job for stage in plan.stages if isinstance(stage, StopWithSavepoint | CancelJob)]
    freed = sum(engine.held_slots(job) for job in ended)
    if needed <= slots.free + freed:
        return None
    names = ", ".join(f"{job.model} ({job.slots})" for job in starts)
    return (
        f"too few slots: starting {names} takes {needed}, and of {slots.total} there are {slots.free + freed} to be "
        "had; lower job: parallelism, or end jobs that are not needed (headwater status); nothing was stopped"
    )
