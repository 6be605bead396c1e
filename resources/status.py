"""What a stack is doing now: processes, jobs and tables, read in one sweep."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headwater.engines import ActualJob, JobHealth, JobState, Snapshot
from headwater.lag import event_time_lag, verdict
from headwater.model import Freshness, Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.trouble import Trouble, job_trouble, missing_job, process_trouble
from resources.declarations import warehouse
from resources.deploy import engine
from resources.local.processes import ProcessStatus, processes
from resources.paimon.store import FilesystemTableStore


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A streaming model's job.

    Args:
        model: The model.
        job: None when none runs.
        health: What Flink says of it; None when it was not asked.
        trouble: What is wrong with it, as far as was asked.
        ended: The job that ran last, when none runs and Flink remembers it.
    """

    model: TableName
    job: ActualJob | None
    health: JobHealth | None
    trouble: Trouble | None = None
    ended: ActualJob | None = None

    @property
    def state(self) -> str:
        """Flink's word for the job's state; FAILED when Flink has given it up, MISSING when there is none."""
        if self.job is not None:
            return self.job.state.value
        return JobState.FAILED.value if self.ended and self.ended.state is JobState.FAILED else "MISSING"


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
        """Every process runs, and every declared job runs and nothing is wrong with it."""
        return (
            not self.unreachable
            and bool(self.processes)
            and all(process.state == "RUNNING" for process in self.processes)
            and all(job.state == JobState.RUNNING.value and job.trouble is None for job in self.jobs)
        )

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong, each with what to do: processes first, since jobs suffer from them."""
        found = [process_trouble(each.name, each.state, each.restarts) for each in self.processes]
        if self.unreachable and self.processes:
            wait = "headwater logs jobmanager; a process that ended is started again, and brings the jobs back"
            found.append(Trouble("Flink", f"cannot be asked: {self.unreachable}", wait))
        else:
            found += [job.trouble for job in self.jobs]
        return tuple(trouble for trouble in found if trouble is not None)


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
        jobs = _jobs(stack, declared, now, details=details)
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


def _jobs(stack: Stack, declared: Warehouse, now: datetime, *, details: bool) -> tuple[JobStatus, ...]:
    with engine(stack) as flink:
        running = {job.model: job for job in reversed(flink.jobs())}
        ended = flink.ended() if any(model.name not in running for model in declared.streaming) else {}

        def one(name: TableName) -> JobStatus:
            job, last = running.get(name), ended.get(name)
            if job is None:
                failure = flink.health(last.id).failure if last and details else ""
                trouble = missing_job(name, last, failure, flink.retained_state(name)) if details else None
                return JobStatus(name, None, None, trouble, last)
            health = flink.health(job.id) if details else None
            return JobStatus(name, job, health, job_trouble(job, health, now) if health else None)

        return tuple(one(model.name) for model in declared.streaming)
