"""What a stack is doing now: processes, jobs and tables, read in one sweep."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headwater.engines import ActualJob, JobHealth, JobState, Snapshot
from headwater.lag import event_time_lag, verdict
from headwater.model import Freshness, Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import engine
from resources.local.processes import ProcessStatus, processes
from resources.paimon.store import FilesystemTableStore


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A streaming model's job; `job` is None when none runs."""

    model: TableName
    job: ActualJob | None
    health: JobHealth | None

    @property
    def state(self) -> str:
        """Flink's word for the job's state, or MISSING."""
        return self.job.state.value if self.job else "MISSING"


@dataclass(frozen=True, slots=True)
class TableStatus:
    """A table that this platform writes.

    Args:
        rows: Records in the newest snapshot's files. A key table counts a row that was updated and not compacted
            yet more than once, so this is an upper bound.
        lag: Event-time lag, or None for a table without a watermark (a report, rejected records).
    """

    model: TableName
    snapshot: Snapshot | None
    lag: timedelta | None
    freshness: Freshness | None

    @property
    def rows(self) -> int:
        return self.snapshot.rows if self.snapshot else 0

    @property
    def verdict(self) -> str:
        """`fresh`, `late`, `stale` or `unknown`."""
        return verdict(self.freshness, self.lag)


@dataclass(frozen=True, slots=True)
class StackStatus:
    """One moment of a stack. `unreachable` says why Flink's part is missing, or is ""."""

    at: datetime
    processes: tuple[ProcessStatus, ...]
    jobs: tuple[JobStatus, ...]
    tables: tuple[TableStatus, ...]
    unreachable: str = ""

    @property
    def healthy(self) -> bool:
        """Every process runs, and every declared job runs and has a completed checkpoint."""
        return (
            not self.unreachable
            and bool(self.processes)
            and all(process.state == "RUNNING" for process in self.processes)
            and all(job.state == JobState.RUNNING.value for job in self.jobs)
        )


def status(stack: Stack, *, details: bool = True) -> StackStatus:
    """Read the stack's state. Flink not answering is part of the answer, not an error.

    Args:
        details: Also ask for each job's checkpoints, restarts and failures; some requests a job.

    Raises InvalidWarehouse when the declarations cannot be read.
    """
    declared = warehouse(stack)
    now = datetime.now(UTC)
    unreachable, jobs = "", tuple(JobStatus(model.name, None, None) for model in declared.streaming)
    try:
        jobs = _jobs(stack, declared, details=details)
    except HeadwaterError as error:
        unreachable = error.failed
    return StackStatus(
        at=now, processes=processes(stack), jobs=jobs, tables=tables(stack, declared, now), unreachable=unreachable
    )


def tables(stack: Stack, declared: Warehouse, now: datetime) -> tuple[TableStatus, ...]:
    """The state of every table that the platform writes, by small metadata files alone."""
    store = FilesystemTableStore(stack.lake)

    def table(model: Model) -> TableStatus:
        snapshot = store.latest_snapshot(model.name)
        return TableStatus(
            model=model.name,
            snapshot=snapshot,
            lag=event_time_lag(model, declared.model, snapshot, now) if model.is_streaming else None,
            freshness=model.freshness,
        )

    return tuple(table(model) for model in (*declared.streaming, *declared.reports))


def _jobs(stack: Stack, declared: Warehouse, *, details: bool) -> tuple[JobStatus, ...]:
    with engine(stack) as flink:
        running = {job.model: job for job in reversed(flink.jobs())}
        return tuple(
            JobStatus(
                model=model.name,
                job=(job := running.get(model.name)),
                health=flink.health(job.id) if job and details else None,
            )
            for model in declared.streaming
        )
