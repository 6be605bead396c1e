"""The small steps that a plan is made of. Each says why it exists; `describe` is what `headwater plan` shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headwater.compile.job import JobSpec
from headwater.engines import ActualJob, ForeignJob
from headwater.model import Column, Model, TableName, Topic
from headwater.plan.trials import Trial
from headwater.verdict.verdict import Verdict


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """A job over a topic that is not there restarts until somebody makes it."""

    table: TableName
    topic: Topic

    def describe(self) -> str:
        partitions = f"{self.topic.partitions} partition" + ("s" if self.topic.partitions != 1 else "")
        return f"create topic {self.topic.name} of {self.table} ({partitions})"


@dataclass(frozen=True, slots=True)
class CreateTable:
    """Flink could create the table with the job, but then a job that fails would leave no table for its readers."""

    model: Model

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        key = ", ".join(self.model.key) or "none"
        return f"create table {self.table} ({len(self.model.columns)} columns, key {key})"


@dataclass(frozen=True, slots=True)
class AddColumns:
    """The table must have a column before a job that writes it starts; adding one rewrites no file."""

    model: Model
    columns: tuple[Column, ...]

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        columns = ", ".join(f"{column.name} {column.type}" for column in self.columns)
        return f"alter table {self.table}: add {columns}"


@dataclass(frozen=True, slots=True)
class SetOptions:
    """Options such as sequence groups live in the table's schema; a writer reads them when it starts.

    Args:
        before: What those of them were that the table had.
    """

    model: Model
    options: tuple[tuple[str, str], ...]
    before: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"alter table {self.table}: set " + ", ".join(f"{key}={value}" for key, value in self.options)


@dataclass(frozen=True, slots=True)
class ResetOptions:
    """A sequence group that no flow has any more would claim its columns, and Paimon refuses a column in two groups.

    Args:
        before: What they were.
    """

    model: Model
    keys: tuple[str, ...]
    before: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"alter table {self.table}: reset " + ", ".join(self.keys)


@dataclass(frozen=True, slots=True)
class StopWithSavepoint:
    """One sink for each table: the running job must be gone, its state kept, before the next one starts."""

    job: ActualJob
    reason: str

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.job.model

    def describe(self) -> str:
        """The stage in one line."""
        return f"stop job {self.table} with a savepoint ({self.reason})"


@dataclass(frozen=True, slots=True)
class CancelJob:
    """A job that is not running cannot make a savepoint; its newest checkpoint is what there is to go on from."""

    job: ActualJob

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.job.model

    def describe(self) -> str:
        """The stage in one line."""
        state = self.job.state.value
        return f"cancel job {self.table}: it is {state}, so its newest checkpoint stands in for a savepoint"


@dataclass(frozen=True, slots=True)
class SubmitJob:
    """Start the declared job, from the newest state there is when the stage is carried out.

    Args:
        origin: Where it starts from, in words.
        resume: False: without state, even where there is some.
        needs_state: There was state when the plan was made; without it the job would not be the same.
    """

    job: JobSpec
    origin: str
    resume: bool = True
    needs_state: bool = False

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.job.model

    def describe(self) -> str:
        """The stage in one line."""
        return f"start job {self.table} {self.origin}"


@dataclass(frozen=True, slots=True)
class WaitHealthy:
    """A detached submission always succeeds; only a running job with a completed checkpoint has really started."""

    job: JobSpec

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.job.model

    def describe(self) -> str:
        """The stage in one line."""
        return f"wait until job {self.table} runs and has completed a checkpoint"


Stage = (
    CreateTopic
    | CreateTable
    | AddColumns
    | ResetOptions
    | SetOptions
    | StopWithSavepoint
    | CancelJob
    | SubmitJob
    | WaitHealthy
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in the order they are carried out, and what cannot be carried out at all.

    Args:
        stages: Empty when everything declared is there and running.
        refusals: Differences that no stage can bridge, each with what to do. A plan with refusals is not applied.
        verdicts: For each model that changes, what becomes of its job's state and of its rows.
        trials: For each that was tried, what came of it.
        undeclared: Jobs that run though no model declares them, and that the plan leaves alone.
        foreign: Jobs on the same cluster that are not the platform's, and that it never touches.
    """

    stages: tuple[Stage, ...]
    refusals: tuple[str, ...] = ()
    verdicts: Mapping[TableName, Verdict] = field(default_factory=dict, hash=False)
    trials: Mapping[TableName, Trial] = field(default_factory=dict, hash=False)
    undeclared: tuple[ActualJob, ...] = ()
    foreign: tuple[ForeignJob, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to do and nothing refused."""
        return not self.stages and not self.refusals
