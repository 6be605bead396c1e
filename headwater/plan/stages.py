"""The small steps that a plan is made of. Each says why it exists; `describe` is what `headwater plan` shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headwater.compile.job import JobSpec
from headwater.engines import ActualJob, ForeignJob, RetainedState
from headwater.model import Column, Model, TableName, Topic
from headwater.plan.trials import Trial
from headwater.shadow import shadow
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
        state: The very state to start from; None for the newest.
    """

    job: JobSpec
    origin: str
    resume: bool = True
    needs_state: bool = False
    state: Path | None = None

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.job.model

    def describe(self) -> str:
        """The stage in one line."""
        return f"start job {self.table} {self.origin}"


@dataclass(frozen=True, slots=True)
class TakeAgain:
    """A job that goes back to an earlier state writes again what its table holds already.

    Rows of a table with a key replace themselves; a table without is taken back to the snapshot of that state.

    Args:
        state: What the job goes back to.
        snapshot: What a table without a key is taken back to; None for one with a key.
    """

    model: Model
    state: RetainedState
    snapshot: int | None

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        if self.snapshot is not None:
            return f"take table {self.table} back to snapshot {self.snapshot}, which its job's earlier state belongs to"
        return f"let table {self.table} take again what was committed after checkpoint {self.state.checkpoint}"


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


@dataclass(frozen=True, slots=True)
class RescaleJob:
    """A job outside of its declared range goes on inside of it without a stop: its parallelism is no part of it.

    Args:
        job: As it runs.
        before: The parallelism that it has.
        parallelism: The one of the range that is nearest to it.
        declared: The range, in words.
    """

    job: ActualJob
    before: int
    parallelism: int
    declared: str

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.job.model

    def describe(self) -> str:
        """The stage in one line."""
        return f"scale job {self.table} from {self.before} to {self.parallelism} (declared {self.declared})"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A shadow must have read what its table's job has, or readers would be taken back in time.

    Args:
        job: That writes the shadow.
        model: Whose table it is to replace.
        topics: That it reads.
        is_partial: Rows made of records that their topics no longer have may be lost.
    """

    job: JobSpec
    model: Model
    topics: tuple[Topic, ...]
    is_partial: bool = False

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"wait until {self.job.model} has read all there is, and compare it with {self.table}"


@dataclass(frozen=True, slots=True)
class StopShadow:
    """The table's own job goes on from where the shadow's has stopped."""

    job: JobSpec
    model: Model

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"stop job {self.job.model} with a savepoint"


@dataclass(frozen=True, slots=True)
class ReplaceRows:
    """One commit, so that a reader sees the rows of the one version or of the other, and never an empty table."""

    model: Model

    @property
    def table(self) -> TableName:
        """The table or job it is about."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"replace the rows of {self.table} by those of {shadow(self.table)}, in one commit"


@dataclass(frozen=True, slots=True)
class DiscardShadow:
    """A shadow that nobody waits for would cost slots and disk."""

    table: TableName

    def describe(self) -> str:
        """The stage in one line."""
        return f"remove {shadow(self.table)} and its job's state"


Stage = (
    CreateTopic
    | CreateTable
    | AddColumns
    | ResetOptions
    | SetOptions
    | StopWithSavepoint
    | CancelJob
    | TakeAgain
    | SubmitJob
    | WaitHealthy
    | CatchUp
    | StopShadow
    | ReplaceRows
    | DiscardShadow
    | RescaleJob
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
