"""The parallelism of a stack's jobs: as it is, and changed while they run."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from headwater.engines import ActualJob, JobScale
from headwater.load import Load, Slots
from headwater.model import Parallelism, TableName
from headwater.plan.rescaling import rescale
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import applying, engine, known


@dataclass(frozen=True, slots=True)
class JobScaling:
    """How many subtasks a model's job has and may have, and how hard it works.

    Args:
        model: The model.
        declared: The range in which it may be scaled.
        job: None when Flink has none.
        scale: None when there is no job, or Flink does not tell.
        load: None while there are no figures.
    """

    model: TableName
    declared: Parallelism
    job: ActualJob | None = None
    scale: JobScale | None = None
    load: Load | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """The cluster's slots and the jobs that hold them."""

    slots: Slots
    jobs: tuple[JobScaling, ...]


def scaling(stack: Stack, models: Collection[TableName] = ()) -> Scaling:
    """The parallelism and load of the jobs of these models, or of all when none is named. May raise HeadwaterError."""
    declared = warehouse(stack)
    known(declared, models)
    with engine(stack) as flink:
        running = {job.model: job for job in reversed(flink.jobs())}
        jobs = tuple(
            JobScaling(
                model.name,
                model.job.parallelism,
                job=(job := running.get(model.name)),
                scale=flink.scale(job.id) if job else None,
                load=flink.load(job.id) if job else None,
            )
            for model in declared.streaming
            if not models or model.name in models
        )
        return Scaling(flink.slots(), jobs)


def scale(
    stack: Stack, name: TableName, parallelism: int, tell: Callable[[str], None], *, patience: float = 120.0
) -> JobScale:
    """Let a model's job go on with this parallelism; give what it had.

    Args:
        stack: Where.
        name: The model.
        parallelism: Within its declared range.
        tell: Told a line when there is something to wait for.
        patience: Seconds until it must have a checkpoint with the new parallelism.

    Raises:
        HeadwaterError: It is not declared so, does not run, finds no slots, or does not get going.
    """
    declared = warehouse(stack)
    known(declared, [name])
    model = declared.model(name)
    if parallelism not in model.job.parallelism:
        raise HeadwaterError(
            f"{name} is declared with a parallelism of {model.job.parallelism}, not {parallelism}",
            left="its job as it was",
            next_command=f"name another number, or change job.parallelism in {model.file} and run headwater apply",
        )
    with applying(stack, f"scaling {name}", tell), engine(stack) as flink:
        job = next((job for job in flink.jobs() if job.model == name), None)
        before = flink.scale(job.id) if job else None
        if job is None or before is None:
            raise HeadwaterError(f"{name} has no job that runs", next_command="headwater status, then headwater apply")
        if parallelism != before.running:
            tell(f"scale job {name} from {before.running} to {parallelism}, at its next checkpoint")
        rescale(flink, job, parallelism, patience=patience)
        return before
