"""What a stack is doing now: processes, jobs and tables, read in one sweep."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headwater.compile.job import fingerprint
from headwater.engines import ActualJob, ForeignJob, JobHealth, JobListing, JobState, Snapshot
from headwater.health.look import look_at
from headwater.health.undeclared import undeclared_jobs
from headwater.health.verdicts import Verdict, judge
from headwater.lag.hops import State, TableLag
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.trouble import Trouble, process_trouble
from resources.declarations import warehouse
from resources.deploy import engine
from resources.flink.engine import FlinkEngine
from resources.lags import lags
from resources.local.processes import ProcessStatus, processes
from resources.paimon.store import FilesystemTableStore


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A streaming model's job.

    Args:
        model: The table that it writes.
        job: None when none runs.
        health: What Flink says of it, or, when it has failed for good, of its end.
        verdicts: What is judged of it, where details were asked for.
    """

    model: TableName
    job: ActualJob | None
    health: JobHealth | None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def state(self) -> str:
        """Flink's word for the job's state; FAILED when Flink has given it up, MISSING when there is none."""
        if self.job is not None:
            return self.job.state.value
        return self.health.state.value if self.health else "MISSING"

    @property
    def faults(self) -> tuple[Verdict, ...]:
        """What is not as it should be."""
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)

    @property
    def runs(self) -> bool:
        """It runs, and not just for the moment."""
        return self.state == JobState.RUNNING.value and not any(fault.is_error for fault in self.faults)


@dataclass(frozen=True, slots=True)
class TableStatus:
    """A table that this platform writes.

    Args:
        snapshot: The newest, or None before the first commit.
        lag: How far it is behind its sources; None for a report.
    """

    model: TableName
    snapshot: Snapshot | None
    lag: TableLag | None

    @property
    def rows(self) -> int:
        """Records in the newest snapshot's files.

        A key table counts a row that was updated and not compacted yet more than once, so this is an upper bound.
        """
        return self.snapshot.rows if self.snapshot else 0

    @property
    def behind(self) -> timedelta | None:
        """The age of the oldest data that its sources have and it lacks; None for a report, or when unknown."""
        return self.lag.behind if self.lag else None

    @property
    def state(self) -> State:
        """Its lag against its promise."""
        return self.lag.state if self.lag else State.UNKNOWN


@dataclass(frozen=True, slots=True)
class StackStatus:
    """One moment of a stack.

    Args:
        unreachable: Why Flink's part is missing, or "".
        undeclared: Jobs that run though no model declares them.
        foreign: Jobs on the same cluster that are not the platform's.
    """

    at: datetime
    processes: tuple[ProcessStatus, ...]
    jobs: tuple[JobStatus, ...]
    tables: tuple[TableStatus, ...]
    unreachable: str = ""
    undeclared: tuple[ActualJob, ...] = ()
    foreign: tuple[ForeignJob, ...] = ()

    @property
    def healthy(self) -> bool:
        """Every process runs, and every declared job runs without failing again and again."""
        return (
            not self.unreachable
            and bool(self.processes)
            and all(process.state == "RUNNING" for process in self.processes)
            and all(job.runs for job in self.jobs)
        )

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong, each with what to do: processes first, since jobs suffer from them."""
        found = [process_trouble(each.name, each.state, each.restarts) for each in self.processes]
        if self.unreachable and self.processes:
            wait = "headwater logs jobmanager; a process that ended is started again, and brings the jobs back"
            found.append(Trouble("Flink", f"cannot be asked: {self.unreachable}", wait))
        else:
            found += [
                Trouble(str(job.model), fault.reason, fault.next_command) for job in self.jobs for fault in job.faults
            ]
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
    listing = JobListing(())
    try:
        with engine(stack) as flink:
            listing = flink.listing()
            jobs = tuple(_job(model, declared, listing, flink, now, details=details) for model in declared.streaming)
    except HeadwaterError as error:
        unreachable = error.failed
    return StackStatus(
        at=now,
        processes=processes(stack),
        jobs=jobs,
        tables=tables(stack, declared, now),
        unreachable=unreachable,
        undeclared=undeclared_jobs(declared, listing.alive),
        foreign=listing.foreign,
    )


def tables(stack: Stack, declared: Warehouse, now: datetime) -> tuple[TableStatus, ...]:
    """The state of every table that the platform writes: the broker and small metadata files are asked, no data."""
    store = FilesystemTableStore(stack.lake)
    found = {lag.table: lag for lag in lags(stack, declared, now)}
    return tuple(
        TableStatus(model.name, store.latest_snapshot(model.name), found.get(model.name))
        for model in (*declared.streaming, *declared.reports)
    )


def _job(
    model: Model, declared: Warehouse, listing: JobListing, flink: FlinkEngine, now: datetime, *, details: bool
) -> JobStatus:
    if not details:
        return JobStatus(model.name, next((job for job in listing.alive if job.model == model.name), None), None)
    look = look_at(model, fingerprint(model, declared.model), listing, flink, now)
    return JobStatus(model.name, look.job, look.health, tuple(judge(look)))
