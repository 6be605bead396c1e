"""Pictures of a small stack, all well, and how to spoil them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.engines import ActualJob, JobHealth, JobState, Snapshot
from headwater.health.verdicts import Check as JobCheck
from headwater.health.verdicts import Verdict
from headwater.lag.hops import Hop, HopKind, TableLag
from headwater.model import Freshness, TableName, Warehouse
from resources.local.processes import ProcessStatus
from resources.status import JobStatus, StackStatus, TableStatus
from resources.watch.picture import (
    Check,
    Daemon,
    DagsterPicture,
    Instigator,
    InstigatorKind,
    Picture,
    Run,
    Tick,
)
from tests.unit.assets.declared import CLICKS, HITS, VISITS, warehouse

NOW = datetime.now(UTC).replace(microsecond=0)
PROMISE = Freshness(timedelta(minutes=1), timedelta(minutes=5))
DECLARED: Warehouse = warehouse()


def ago(seconds: float) -> datetime:
    """So long before NOW."""
    return NOW - timedelta(seconds=seconds)


def process(name: str, state: str = "RUNNING", restarts: int = 0) -> ProcessStatus:
    """One process, up for an hour when it runs."""
    runs = state == "RUNNING"
    uptime, rss, cpu = (3600.0, 200_000_000, 12.5) if runs else (0.0, 0, 0.0)
    return ProcessStatus(name, 7 if runs else None, state, uptime, restarts, rss, Path("log"), cpu)


def job(model: TableName, *verdicts: Verdict, state: JobState | None = JobState.RUNNING) -> JobStatus:
    """A job with these verdicts; without any, it does all that it should."""
    said = verdicts or tuple(Verdict(check, True, "fine") for check in JobCheck)
    if state is None:
        return JobStatus(model, None, None, said)
    health = JobHealth(state, 40, None, ago(3), restarts=2, late_dropped=6, checkpoints_failed=1)
    return JobStatus(model, ActualJob("j1", model, "f1", state, ago(600), "http://flink/j1"), health, said)


def table(model: TableName) -> TableStatus:
    """A table with a commit of two seconds ago."""
    return TableStatus(model, Snapshot(17, ago(2), "APPEND", ago(10), 1234, 0), lag(model))


def lag(model: TableName, *, age: float = 0.0) -> TableLag:
    """A table whose newest clicks have waited so many seconds to be read."""
    read = Hop(HopKind.READ, model, CLICKS, timedelta(seconds=age), timedelta(seconds=age), waiting=int(age))
    done = Hop(HopKind.COMMIT, model, model, timedelta(seconds=age), timedelta(0))
    return TableLag(model, NOW, PROMISE, (read, done), timedelta(seconds=10), ago(4), ago(3))


SENSOR = Instigator(
    "snapshots", InstigatorKind.SENSOR, running=True, last_tick=Tick(ago(8), "SKIPPED"), interval=timedelta(seconds=10)
)
SCHEDULE = Instigator("daily_hits_in", InstigatorKind.SCHEDULE, running=True, last_tick=Tick(ago(80_000), "SUCCESS"))
DAEMON = Daemon("SENSOR", healthy=True, required=True, last_heartbeat=ago(12))
DAGSTER = DagsterPicture(
    daemons=(DAEMON, Daemon("BACKFILL", healthy=False, required=False)),
    instigators=(SENSOR, SCHEDULE),
    at=NOW,
)
PROCESSES = tuple(map(process, ("kafka", "jobmanager", "taskmanager", "gateway", "dagster-daemon", "watch")))
WELL = Picture(
    at=NOW,
    status=StackStatus(NOW, PROCESSES, (job(VISITS), job(HITS)), (table(VISITS), table(HITS))),
    lags=(lag(VISITS), lag(HITS)),
    dagster=DAGSTER,
    warehouse=DECLARED,
)


def ended(number: int, status: str, *assets: str, backfill: str = "") -> Run:
    """A run that ended just now."""
    return Run(f"run-{number}", "__ASSET_JOB", status, datetime.now(UTC) + timedelta(seconds=1), backfill, "", assets)


def with_jobs(*jobs: JobStatus) -> Picture:
    """All well but for these jobs."""
    return replace(WELL, status=replace(WELL.status, jobs=jobs))


def with_process(*changed: ProcessStatus) -> Picture:
    """All well but for these processes."""
    states = {each.name: each for each in (*PROCESSES, *changed)}
    return replace(WELL, status=replace(WELL.status, processes=tuple(states.values())))


def with_dagster(picture: DagsterPicture) -> Picture:
    """All well but for Dagster."""
    return replace(WELL, dagster=picture)


FAILED_CHECK = Check("dwd/visits", "not_null_id", "ERROR", passed=False, at=ago(60), description="3 rows")
