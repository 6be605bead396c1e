"""What the platform asks of the systems it runs on. The core declares these protocols, `resources/` implements them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from headwater.load import Slots
from headwater.model import TableName, Topic
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType

if TYPE_CHECKING:
    from headwater.compile.job import JobSpec
    from headwater.compile.operator_ids import Plan


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One committed state of a Paimon table. Times are UTC.

    Args:
        id: Paimon's snapshot id.
        committed_at: When the commit happened (wall clock of the committer).
        kind: APPEND, COMPACT, OVERWRITE or ANALYZE.
        watermark: Event time up to which the table is complete, or None when the job has none
            (Paimon then stores the minimum long).
        rows: Rows in the snapshot's files. For a key table that is not compacted it counts superseded rows too.
        schema_id: The schema that the snapshot was written with.
        delta_rows: Rows in the files that the commit added, less those in the files that it removed.
    """

    id: int
    committed_at: datetime
    kind: str
    watermark: datetime | None
    rows: int
    schema_id: int
    delta_rows: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """What a stream committed.

    Args:
        snapshot: The table's snapshot that it made.
        checkpoint: Flink's number of the checkpoint that it belongs to.
        user: Under which name; a job keeps its own from state to state.
        recounts: It holds no rows: it was made for its number, when a job went back to an earlier state.
    """

    snapshot: int
    checkpoint: int
    user: str = ""
    recounts: bool = False


@dataclass(frozen=True, slots=True)
class ActualColumn:
    """A column as the table on disk has it."""

    name: str
    type: SqlType
    nullable: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class ActualTable:
    """A table as Paimon has it on disk, at its newest schema."""

    name: TableName
    schema_id: int
    columns: tuple[ActualColumn, ...]
    key: tuple[str, ...]
    partition_by: tuple[str, ...]
    options: Mapping[str, str]


class TableStore(Protocol):
    """What Paimon says about tables. Reads small metadata files only; no JVM, no data."""

    def table(self, name: TableName) -> ActualTable | None:
        """The table at its newest schema, or None when it does not exist."""
        ...

    def latest_snapshot(self, name: TableName) -> Snapshot | None:
        """The newest snapshot, or None when the table is missing or has no commit yet."""
        ...

    def commits(self, name: TableName) -> Iterator[Commit]:
        """What streams committed to the table, newest first, as far as snapshots have not expired."""
        ...

    def snapshot(self, name: TableName, snapshot_id: int) -> Snapshot:
        """A given snapshot. Raises HeadwaterError when it has expired or never was."""
        ...


class SavepointLost(HeadwaterError):
    """A job failed while a savepoint of it was made: there is none, and its newest checkpoint stands in for it."""


class JobState(StrEnum):
    """A job's state, as the JobManager names it."""

    INITIALIZING = "INITIALIZING"
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    FAILING = "FAILING"
    FAILED = "FAILED"
    CANCELLING = "CANCELLING"
    CANCELED = "CANCELED"
    FINISHED = "FINISHED"
    SUSPENDED = "SUSPENDED"
    RECONCILING = "RECONCILING"

    @property
    def is_final(self) -> bool:
        """The job has ended and will not come back by itself."""
        return self in (JobState.FAILED, JobState.CANCELED, JobState.FINISHED)


@dataclass(frozen=True, slots=True)
class ActualJob:
    """A job that Flink knows. `fingerprint` is read from the job's name, `<model>@<fingerprint>`."""

    id: str
    model: TableName
    fingerprint: str
    state: JobState
    started_at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class JobScale:
    """How many subtasks the widest part of a job has.

    Args:
        wanted: As many as it was started with or scaled to.
        running: Now. Another number while it changes over, and fewer while there are not enough slots.
    """

    wanted: int
    running: int


@dataclass(frozen=True, slots=True)
class ForeignJob:
    """A job on the same cluster that the platform has not started, and never touches."""

    id: str
    name: str
    state: JobState
    url: str


@dataclass(frozen=True, slots=True)
class JobListing:
    """Every job that Flink lists at one moment.

    Args:
        alive: Of this platform, not ended, newest first.
        ended: Of this platform, FAILED, CANCELED or FINISHED, newest first. Flink forgets them after an hour, and when
            the JobManager starts anew.
        foreign: Of others, not ended.
    """

    alive: tuple[ActualJob, ...]
    ended: tuple[ActualJob, ...] = ()
    foreign: tuple[ForeignJob, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskLoad:
    """How the subtasks of one task of a job's graph have spent their time since the job last started.

    Args:
        name: As Flink shows it: the operators of the chain.
        held_up: Milliseconds of waiting for a task further down to take rows (back pressure), over all subtasks.
        busy: Milliseconds of work.
        idle: Milliseconds of having nothing to do. The three together are the time that has passed.
        read: Records read.
        waiting: Of a Kafka source, records at the broker that it has not read yet; None where that is not known.
        subtasks: How many the task runs in; the times are sums over them.
    """

    name: str
    held_up: float
    busy: float
    idle: float
    read: int = 0
    waiting: int | None = None
    subtasks: int = 1


@dataclass(frozen=True, slots=True)
class JobHealth:
    """What the JobManager says of one job at one moment.

    Args:
        checkpoints_completed: Completed since this job was submitted.
        restored_from: External path of the checkpoint or savepoint that the newest attempt started from.
        last_checkpoint_at: When the newest completed checkpoint ended.
        restarts: Restarts since submission.
        failure: The last cause of the newest exception in one line, or "".
        late_dropped: Rows that windows dropped as late (`numLateRecordsDropped` over all operators).
        since: When the job came into its present state; None where Flink does not say.
        failed_at: When it failed, newest first; Flink remembers the last 16.
        trace: The newest exception's whole chain, or "".
        checkpoints_failed: Checkpoints that have failed since the newest completed one, of the last ten.
        checkpoint_failure: Why the newest of those failed, or "".
        tasks: In the order in which rows go through them.
        state_bytes: Of the newest completed checkpoint, files that it shares with earlier ones included; 0 for none.
    """

    state: JobState
    checkpoints_completed: int
    restored_from: str | None
    last_checkpoint_at: datetime | None
    restarts: int
    failure: str = ""
    late_dropped: int = 0
    since: datetime | None = None
    failed_at: tuple[datetime, ...] = ()
    trace: str = ""
    checkpoints_failed: int = 0
    checkpoint_failure: str = ""
    tasks: tuple[TaskLoad, ...] = ()
    state_bytes: int = 0


@dataclass(frozen=True, slots=True)
class RetainedState:
    """A completed checkpoint or savepoint that a job of this model can start from.

    Args:
        snapshot: Of a savepoint, the table's snapshot when the job had ended; None where it was not noted.
        checkpoint: Flink's number of it; the table's commits carry the same numbers. None when it cannot be read.
        since: Snapshots of the table up to this one were committed before the numbers that lead here were counted.
        until: Those after this one under numbers that were counted anew later; None when none were.
    """

    model: TableName
    fingerprint: str
    path: Path
    completed_at: datetime
    is_savepoint: bool
    snapshot: int | None = None
    checkpoint: int | None = None
    since: int = 0
    until: int | None = None

    def is_of(self, job_id: str) -> bool:
        """This job wrote it: a checkpoint lies in a folder of the job's id, a savepoint's name begins with it."""
        return job_id in self.path.parts or self.path.name.startswith(f"savepoint-{job_id[:6]}-")


class Broker(Protocol):
    """A Kafka broker. Every call may raise HeadwaterError with `unreachable=True`."""

    def topics(self) -> frozenset[str]:
        """The names of the topics there are."""
        ...

    def create(self, topic: Topic) -> None:
        """Make the topic; one that exists is left as it is."""
        ...


class StreamEngine(Protocol):
    """A Flink cluster with an SQL gateway. Every call may raise HeadwaterError with `unreachable=True`."""

    def jobs(self) -> tuple[ActualJob, ...]:
        """The jobs of this platform that have not ended, newest first."""
        ...

    def listing(self) -> JobListing:
        """Every job that Flink lists: alive, ended, and of others."""
        ...

    def health(self, job_id: str) -> JobHealth:
        """State, checkpoints, restore path and failure of one job."""
        ...

    def meant_start(self, job_id: str) -> str | None:
        """The URI of the state that the job was told to start from, "" for none; None when it does not say."""
        ...

    def execute(self, statements: Sequence[str]) -> None:
        """Run DDL statements in one session. Raises HeadwaterError with Flink's last cause."""
        ...

    def compile(self, job: "JobSpec") -> "Plan":
        """The job's compiled plan, as Flink numbers it; nothing is started. Raises HeadwaterError with the cause."""
        ...

    def deployed_plan(self, state: "ActualJob | RetainedState") -> "Plan | None":
        """The compiled plan that a running job or its state was deployed as, or None when it is gone."""
        ...

    def deployed_job(self, state: "ActualJob | RetainedState") -> "JobSpec | None":
        """A running job, or the one that wrote a state, as it was deployed, at today's addresses; None if not known."""
        ...

    def submit_plan(self, job: "JobSpec", plan: "Plan", restore_from: "RetainedState | None") -> str:
        """Start the job as this compiled plan, whatever becomes of the state; give its Flink id."""
        ...

    def submit(self, job: "JobSpec", restore_from: RetainedState | None) -> str:
        """Start the job as a compiled plan with operator ids of our own; give its Flink id."""
        ...

    def try_out(self, job: "JobSpec", plan: "Plan", running: ActualJob, *, patience: float) -> float:
        """Restore a plan from a savepoint of the running job beside it, writing nowhere, and end it again.

        Args:
            job: With bindings for a trial (headwater.compile.binding.Addresses.is_trial).
            plan: With the running plan's ids.
            running: The job whose state is taken; it runs on.
            patience: Seconds that it may take.

        Gives the seconds until it had completed a checkpoint, the savepoint included. Raises HeadwaterError with
        Flink's cause when it does not come that far.
        """
        ...

    def held_slots(self, job: ActualJob) -> int:
        """Task slots that the job holds now."""
        ...

    def finish_start(self, model: TableName) -> bool:
        """See to it that a start whose end nobody lived to see has happened, once; give True when it had to be.

        To be called before the jobs are looked at: Flink may start that job a moment later.
        """
        ...

    def scale(self, job_id: str) -> JobScale | None:
        """The parallelism of one job; None when Flink does not tell, as of a job that has just ended."""
        ...

    def rescale(self, job: ActualJob, parallelism: int) -> None:
        """Ask Flink to run the job with another parallelism; it changes over at the job's next checkpoint.

        Parts that can only run once, or not in so many, are left at what they can. Raises HeadwaterError when no part
        can run in so many subtasks, or Flink refuses.
        """
        ...

    def slots(self) -> Slots:
        """See LoadMeter.slots."""
        ...

    def stop_with_savepoint(self, job: ActualJob) -> Path:
        """Stop the job; give the path of its savepoint.

        Raises SavepointLost when it failed meanwhile, and HeadwaterError when no savepoint came for another reason.
        """
        ...

    def cancel(self, job: ActualJob) -> None:
        """Stop the job without a savepoint; its newest checkpoint stays."""
        ...

    def retained_state(self, model: TableName) -> RetainedState | None:
        """The newest completed checkpoint or savepoint of this model, or None."""
        ...

    def retained_states(self, model: TableName) -> tuple[RetainedState, ...]:
        """Every completed checkpoint and savepoint of this model, newest first."""
        ...

    def pair(self, model: TableName, savepoint: Path) -> int | None:
        """Tag the snapshot that a savepoint belongs to, and note it beside the savepoint; give its id.

        To be called when the job has ended: it commits the savepoint's rows last. None for a table without a commit.
        """
        ...

    def roll_back(self, model: TableName, snapshot_id: int) -> None:
        """Make this snapshot the newest one, when it is not. Raises HeadwaterError with Flink's last cause."""
        ...

    def recount(self, state: RetainedState) -> None:
        """Let a table tell what its job has committed up to this state from what it commits after going back to it.

        Only for a table with a key; its job must not run.
        """
        ...

    def discard_after(self, model: TableName, state: Path) -> None:
        """Remove every state of this model that is newer than this one. None of its jobs may run."""
        ...

    def expire(self, model: TableName, keep: int) -> tuple[Path, ...]:
        """Remove all savepoints of this model but the newest ones, with their tags; give those removed."""
        ...

    def prune(self, model: TableName, job_id: str) -> None:
        """Forget state of this model that the running job, once it has a checkpoint of its own, no longer needs."""
        ...
