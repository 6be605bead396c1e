"""The platform's systems, in memory."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.backfill.build import Request
from headwater.backfill.difference import Difference
from headwater.backfill.stages import BackfillPlan
from headwater.batch import BatchRun, Partition, PartitionResult, PinnedInput, ReportResult
from headwater.calendar import span
from headwater.checks.kinds import Check
from headwater.checks.outcome import Examined, Outcome
from headwater.cost.bill import Bill, Overhead, Usage, ranked
from headwater.cost.prices import Prices
from headwater.cost.share import Pace
from headwater.engines import (
    ActualColumn,
    ActualJob,
    ActualTable,
    Commit,
    ForeignJob,
    JobHealth,
    JobListing,
    JobState,
    RetainedState,
    Snapshot,
)
from headwater.footprint import Footprint
from headwater.lag.hops import Hop, HopKind, TableLag
from headwater.model import Market, Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.upkeep.duty import Duty
from headwater.upkeep.duty import Outcome as DutyOutcome
from resources.backfill.run import Outcome as BackfillOutcome
from resources.backfill.table import Written

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass
class MemoryTableStore:
    """Tables with one snapshot each. `broken` tables cannot be read."""

    snapshots: dict[TableName, Snapshot] = field(default_factory=dict)
    tables: dict[TableName, ActualTable] = field(default_factory=dict)
    broken: set[TableName] = field(default_factory=set)

    def commit(
        self, model: Model, snapshot_id: int, *, age: timedelta = timedelta(seconds=1), now: datetime = NOW
    ) -> None:
        columns = tuple(ActualColumn(c.name, c.type, not c.required, c.description) for c in model.columns)
        self.tables[model.name] = ActualTable(model.name, 0, columns, model.key, model.partition_by, {})
        self.snapshots[model.name] = Snapshot(
            snapshot_id, now - age, "APPEND", now - age - timedelta(seconds=2), 100 * snapshot_id, 0
        )

    def table(self, name: TableName) -> ActualTable | None:
        return self.tables.get(name)

    def latest_snapshot(self, name: TableName) -> Snapshot | None:
        if name in self.broken:
            raise HeadwaterError(f"{name}: the snapshot file is torn")
        return self.snapshots.get(name)

    def commits(self, name: TableName) -> Iterator[Commit]:
        return iter(())

    def snapshot(self, name: TableName, snapshot_id: int) -> Snapshot:
        return self.snapshots[name]


@dataclass
class MemoryLags:
    """How far tables are behind: each table is complete, unless it is given an age."""

    behind: dict[TableName, timedelta] = field(default_factory=dict)
    quiet: set[TableName] = field(default_factory=set)

    def __call__(self, declared: Warehouse, now: datetime) -> tuple[TableLag, ...]:
        return tuple(self._lag(model, declared, now) for model in declared.streaming)

    def _lag(self, model: Model, declared: Warehouse, now: datetime) -> TableLag:
        age = self.behind.get(model.name, timedelta(0))
        source = model.reads[0]
        hop = Hop(HopKind.READ, model.name, source, age, age, 7 if age else 0)
        return TableLag(model.name, now, model.freshness, (hop,), timedelta(seconds=40), quiet=model.name in self.quiet)


@dataclass
class MemoryEngine:
    """Jobs with a settable health: the part of a stream engine that Dagster asks by itself."""

    running: dict[TableName, ActualJob] = field(default_factory=dict)
    healths: dict[str, JobHealth] = field(default_factory=dict)
    ended: list[ActualJob] = field(default_factory=list)
    foreign: list[ForeignJob] = field(default_factory=list)
    states: dict[TableName, list[RetainedState]] = field(default_factory=dict)

    def start(self, name: TableName, health: JobHealth | None = None, *, now: datetime = NOW) -> ActualJob:
        job_id = f"job-of-{name}"
        job = ActualJob(job_id, name, "0123456789ab", JobState.RUNNING, now, f"http://localhost/#/job/{job_id}")
        self.running[name] = job
        self.healths[job_id] = health or JobHealth(JobState.RUNNING, 3, None, now, 0)
        return job

    def fail(self, name: TableName, *, number: str = "", trace: str = "") -> None:
        """The job ends by itself, leaving a checkpoint."""
        job = self.running.pop(name)
        job = replace(job, id=number or job.id, state=JobState.FAILED)
        self.ended.insert(0, job)
        self.healths[job.id] = JobHealth(JobState.FAILED, 3, None, NOW, 0, failure="why", trace=trace)
        path = Path(f"/state/{name}/{job.fingerprint}/checkpoints/{job.id}/chk-7")
        self.states[name] = [RetainedState(name, job.fingerprint, path, NOW, is_savepoint=False)]

    def listing(self) -> JobListing:
        return JobListing(tuple(self.running.values()), tuple(self.ended), tuple(self.foreign))

    def meant_start(self, job_id: str) -> str | None:
        del job_id

    def retained_states(self, model: TableName) -> Sequence[RetainedState]:
        return self.states.get(model, [])

    def health(self, job_id: str) -> JobHealth:
        return self.healths[job_id]


@dataclass(frozen=True)
class MemoryDeployment:
    stages: tuple[str, ...]
    jobs: Mapping[TableName, ActualJob]


@dataclass
class MemoryDeployer:
    """Starts what does not run yet. `error` is raised instead, when set."""

    engine: MemoryEngine
    error: HeadwaterError | None = None
    asked: list[list[TableName]] = field(default_factory=list)
    as_they_were: list[TableName] = field(default_factory=list)

    def __call__(
        self, models: Collection[TableName], on_event: Callable[[str], None], *, as_it_was: bool = False
    ) -> MemoryDeployment:
        self.asked.append(list(models))
        self.as_they_were += models if as_it_was else []
        if self.error:
            raise self.error
        started = [name for name in models if name not in self.engine.running]
        for name in started:
            on_event(f"submit {name}")
            self.engine.start(name, now=datetime.now(UTC))
        return MemoryDeployment(tuple(f"submit {name}" for name in started), dict(self.engine.running))


@dataclass
class MemoryReporter:
    """Gives each partition as many rows as its day of the month. Only those in `corrected` come out otherwise again."""

    markets: Sequence[Market]
    error: HeadwaterError | None = None
    asked: list[tuple[TableName, tuple[Partition, ...]]] = field(default_factory=list)
    why: list[tuple[bool, bool]] = field(default_factory=list)
    corrected: set[Partition] = field(default_factory=set)

    def __call__(
        self, model: Model, partitions: Sequence[Partition], *, asked: bool, only_corrections: bool
    ) -> ReportResult:
        self.asked.append((model.name, tuple(partitions)))
        self.why.append((asked, only_corrections))
        if self.error:
            raise self.error
        if only_corrections:
            partitions = [each for each in partitions if each in self.corrected]
        zones = {market.code: market for market in self.markets}
        pinned = tuple(PinnedInput(name, Snapshot(7, NOW, "APPEND", NOW, 1, 0)) for name in model.reads)
        results = tuple(
            PartitionResult(p, *span(zones[p.market], p), p.local_date.day, p.local_date.day != 2, "first")
            for p in partitions
        )
        return ReportResult(BatchRun("1-ab", model.name, tuple(partitions), pinned), results, 42, 0.5)


@dataclass
class MemoryExaminer:
    """Every check passes, but the ones at the places in `failing`, by ten rows; those in `broken` have no outcome."""

    store: MemoryTableStore
    failing: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    due: set[TableName] = field(default_factory=set)
    asked: list[tuple[TableName, frozenset[str]]] = field(default_factory=list)

    def __call__(self, model: Model, names: Collection[str]) -> Examined:
        self.asked.append((model.name, frozenset(names)))
        snapshot = self.store.latest_snapshot(model.name)
        if snapshot is None:
            return Examined()
        wanted = [(i, check) for i, check in enumerate(model.checks) if check.name in names]
        return Examined(
            tuple(self._outcome(i, check, snapshot) for i, check in wanted if i not in self.broken),
            tuple((check.name, HeadwaterError("no broker answers")) for i, check in wanted if i in self.broken),
        )

    def _outcome(self, place: int, check: Check, snapshot: Snapshot) -> Outcome:
        if place not in self.failing:
            return Outcome(check, passed=True, failing=0, snapshot=snapshot.id, at=NOW, since=5, read=3)
        sample = ({"id": None},)
        return Outcome(check, passed=False, failing=10, snapshot=snapshot.id, at=NOW, sample=sample, said="why")

    def is_due(self, model: Model) -> bool:
        return model.name in self.due


@dataclass
class MemoryCaretaker:
    """Finds one thing to do on each of these tables, for each duty, and does it."""

    tables: tuple[TableName, ...] = ()
    faults: dict[tuple[Duty, TableName], str] = field(default_factory=dict)
    error: HeadwaterError | None = None
    asked: list[tuple[Duty, ...]] = field(default_factory=list)

    def __call__(self, duties: Collection[Duty], on_outcome: Callable[[DutyOutcome], None]) -> Sequence[DutyOutcome]:
        self.asked.append(tuple(duties))
        if self.error:
            raise self.error
        before = Footprint(7, 20, ("t",), files=30, bytes=3000, live_files=10, live_bytes=1000, buckets=())
        after = replace(before, snapshots=10, tags=(), files=12, bytes=1200)
        outcomes = [
            DutyOutcome(duty, name, before, after, 1, 100, "removed it", fault=self.faults.get((duty, name), ""))
            for duty in duties
            for name in self.tables
        ]
        for outcome in outcomes:
            on_outcome(outcome)
        return outcomes


@dataclass
class MemoryAccountant:
    """Each of these tables' jobs uses half a core, and the tables are of a gigabyte."""

    tables: tuple[TableName, ...] = ()
    prices: Prices | None = None
    error: HeadwaterError | None = None

    def __call__(self) -> Bill:
        if self.error:
            raise self.error
        files = Footprint(7, 20, (), files=30, bytes=10**9, live_files=10, live_bytes=4 * 10**8, buckets=())
        usages = [Usage(name, Pace(0.5, NOW, 60.0), 1000, 3000, files) for name in self.tables]
        return Bill(NOW, ranked(usages, self.prices), (Overhead("kafka", 0.04),), self.prices)


@dataclass
class MemoryBackfiller:
    """Takes down what it is asked for, and says that one row was corrected, and these reports made again. `failure` is
    raised instead."""

    asked: list[Request] = field(default_factory=list)
    paused: list[bool] = field(default_factory=list)
    failure: HeadwaterError | None = None
    reports: tuple[ReportResult, ...] = ()
    skipped: tuple[TableName, ...] = ()

    def plan(self, request: Request) -> BackfillPlan:
        return BackfillPlan((), (f"{request.model} is only planned",))

    def run(self, request: Request, tell: Callable[[str], None], *, pauses: bool) -> BackfillOutcome:
        if self.failure:
            raise self.failure
        self.asked.append(request)
        self.paused.append(pauses)
        tell("correct it")
        difference = Difference(same=9, changed=1)
        written = Written(request.model, request.kind, request.scope, difference, 7, "duckdb", 1.5)
        return BackfillOutcome((written,), self.reports, self.skipped)
