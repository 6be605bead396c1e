"""The small steps that a plan is made of. Each says why it exists; `describe` is what `headwater plan` shows."""

from dataclasses import dataclass

from headwater.compile.job import JobSpec
from headwater.engines import ActualJob
from headwater.model import Column, Model, TableName


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Flink could create the table with the job, but then a job that fails would leave no table for its readers."""

    model: Model

    @property
    def table(self) -> TableName:
        return self.model.name

    def describe(self) -> str:
        return f"create table {self.table} ({len(self.model.columns)} columns, key {', '.join(self.model.key) or 'none'})"


@dataclass(frozen=True, slots=True)
class AddColumns:
    """The table must have a column before a job that writes it starts; adding at the end rewrites no file."""

    model: Model
    columns: tuple[Column, ...]

    @property
    def table(self) -> TableName:
        return self.model.name

    def describe(self) -> str:
        columns = ", ".join(f"{column.name} {column.type}" for column in self.columns)
        return f"alter table {self.table}: add {columns}"


@dataclass(frozen=True, slots=True)
class SetOptions:
    """Options such as sequence groups live in the table's schema; a writer reads them when it starts."""

    model: Model
    options: tuple[tuple[str, str], ...]

    @property
    def table(self) -> TableName:
        return self.model.name

    def describe(self) -> str:
        return f"alter table {self.table}: set " + ", ".join(f"{key}={value}" for key, value in self.options)


@dataclass(frozen=True, slots=True)
class StopWithSavepoint:
    """One sink for each table: the running job must be gone, its state kept, before the next one starts."""

    job: ActualJob
    reason: str

    @property
    def table(self) -> TableName:
        return self.job.model

    def describe(self) -> str:
        return f"stop job {self.table} with a savepoint ({self.reason})"


@dataclass(frozen=True, slots=True)
class CancelJob:
    """A job that is not running cannot make a savepoint; its newest checkpoint is what there is to go on from."""

    job: ActualJob

    @property
    def table(self) -> TableName:
        return self.job.model

    def describe(self) -> str:
        return f"cancel job {self.table}: it is {self.job.state.value}, so its newest checkpoint stands in for a savepoint"


@dataclass(frozen=True, slots=True)
class SubmitJob:
    """Start the declared job, from the newest state there is when the stage is carried out, or without any."""

    job: JobSpec
    resume: bool
    origin: str

    @property
    def table(self) -> TableName:
        return self.job.model

    def describe(self) -> str:
        return f"start job {self.table} {self.origin}"


@dataclass(frozen=True, slots=True)
class WaitHealthy:
    """A detached submission always succeeds; only a running job with a completed checkpoint has really started."""

    job: JobSpec

    @property
    def table(self) -> TableName:
        return self.job.model

    def describe(self) -> str:
        return f"wait until job {self.table} runs and has completed a checkpoint"


Stage = CreateTable | AddColumns | SetOptions | StopWithSavepoint | CancelJob | SubmitJob | WaitHealthy


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in the order they are carried out, and what cannot be carried out at all.

    Args:
        stages: Empty when everything declared is there and running.
        refusals: Differences that no stage can bridge, each with what to do. A plan with refusals is not applied.
    """

    stages: tuple[Stage, ...]
    refusals: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to do and nothing refused."""
        return not self.stages and not self.refusals
