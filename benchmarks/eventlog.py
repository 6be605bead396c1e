"""How much Dagster's database grows by what the sensors tell of a hundred tables that are committed to all the time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from assets.sensors.health_events import Event as JobEvent
from assets.sensors.job_health import Instance, look_over
from assets.sensors.said import Said
from assets.sensors.snapshots import Event as TableEvent
from assets.sensors.snapshots import Seen, sweep
from benchmarks.figure import Figure
from benchmarks.generated_warehouse import write_warehouse
from benchmarks.stand import Tell
from headwater.compile.job import fingerprint
from headwater.engines import (
    ActualColumn,
    ActualJob,
    ActualTable,
    Commit,
    JobHealth,
    JobListing,
    JobState,
    RetainedState,
    Snapshot,
)
from headwater.health.look import Look
from headwater.lag.hops import Hop, HopKind, TableLag
from headwater.loader import load
from headwater.model import Model, TableName, Warehouse

Event = TableEvent | JobEvent

TABLES = 100
_WARM, _MEASURED = timedelta(minutes=12), timedelta(minutes=20)
_DAY = timedelta(days=1)
_LAG = timedelta(seconds=3)


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Twenty minutes of both sensors, played through as fast as the database takes them; one round says it all."""
    folder = scratch / "eventlog"
    write_warehouse(folder / "warehouse", 2 * TABLES)
    warehouse = load(folder / "warehouse")
    warehouse = Warehouse(warehouse.root, (*warehouse.sources, *warehouse.streaming[:TABLES]), warehouse.markets)
    home = folder / "dagster"
    home.mkdir(parents=True)
    tell(f"playing {(_WARM + _MEASURED).seconds // 60} minutes of {len(warehouse.streaming)} tables")
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        begun = datetime.now(UTC)
        platform = _Platform(warehouse, begun)
        for event in platform.played(begun, _WARM):
            instance.report_runless_asset_event(event)
        before, count = _bytes(home), 0
        for event in platform.played(begun + _WARM, _MEASURED):
            instance.report_runless_asset_event(event)
            count += 1
        grown = _bytes(home) - before
    days = _DAY / _MEASURED
    note = (
        f"{TABLES} tables and their jobs, all of them well, a commit of each every ten seconds; {count:,} events in "
        f"{_MEASURED.seconds // 60} min, {grown / count:,.0f} bytes each; sensor ticks, which are purged, not counted"
    )
    return [
        Figure("eventlog", "events a day", "events", (count * days,)),
        Figure("eventlog", "growth a day", "MB", (grown * days / 1e6,), note=note),
    ]


class _Platform:
    """A lake and a cluster in which all is well, as both sensors see them: a table store and a job watch."""

    def __init__(self, warehouse: Warehouse, begun: datetime) -> None:
        self._warehouse = warehouse
        self._begun = self._now = begun
        self._seen: dict[str, Seen] = {}
        self._said: dict[str, Said] = {}
        self._looks: dict[str, Look] = {}
        self._prints = {model.name: fingerprint(model, warehouse.model) for model in warehouse.streaming}

    def played(self, since: datetime, span: timedelta) -> Iterator[Event]:
        """Everything that the sensors say in this time, tick by tick."""
        asked = Instance(lambda _model, _job, _health: None, lambda _name: False)
        for second in range(0, span.seconds, 5):
            self._now = since + timedelta(seconds=second)
            if second % 10 == 0:
                swept = sweep(self._warehouse, self, self._lags(), self._seen, self._now)
                self._seen = dict(swept.seen)
                yield from swept.events
            if second % 15 == 0:
                found = look_over(
                    self._warehouse, self._prints.__getitem__, self, self._said, self._looks, self._now, asked
                )
                self._said, self._looks = dict(found.said), dict(found.looks)
                yield from found.events

    def table(self, name: TableName) -> ActualTable:
        """See TableStore.table."""
        model = self._warehouse.model(name)
        columns = tuple(ActualColumn(c.name, c.type, not c.required, c.description) for c in model.columns)
        return ActualTable(name, 0, columns, model.key, model.partition_by, {})

    def latest_snapshot(self, name: TableName) -> Snapshot:
        """See TableStore.latest_snapshot."""
        number = int((self._now - self._begun).total_seconds()) // 10 + 1
        return Snapshot(number, self._now, "APPEND", self._now - _LAG, 1_000 * number, 0)

    def snapshot(self, name: TableName, snapshot_id: int) -> Snapshot:
        """See TableStore.snapshot."""
        return self.latest_snapshot(name)

    def commits(self, name: TableName) -> Iterator[Commit]:
        """See TableStore.commits."""
        return iter(())

    def listing(self) -> JobListing:
        """See JobWatch.listing."""
        return JobListing(tuple(map(self._job, self._warehouse.streaming)))

    def health(self, job_id: str) -> JobHealth:
        """See JobWatch.health."""
        completed = int((self._now - self._begun).total_seconds()) // 5 + 1
        return JobHealth(JobState.RUNNING, completed, None, self._now, 0)

    def meant_start(self, job_id: str) -> str:
        """See JobWatch.meant_start."""
        return ""

    def retained_states(self, model: TableName) -> tuple[RetainedState, ...]:
        """See JobWatch.retained_states."""
        return ()

    def _job(self, model: Model) -> ActualJob:
        url = f"http://127.0.0.1:8081/#/job/running/{self._prints[model.name]}/overview"
        started = self._begun - timedelta(hours=1)
        return ActualJob(
            self._prints[model.name] * 2, model.name, self._prints[model.name], JobState.RUNNING, started, url
        )

    def _lags(self) -> list[TableLag]:
        return [
            TableLag(
                model.name,
                self._now,
                model.freshness,
                tuple(Hop(HopKind.READ, model.name, source, _LAG, _LAG, 20) for source in model.reads),
                _LAG,
                self._now,
                self._now,
            )
            for model in self._warehouse.streaming
        ]


def _bytes(folder: Path) -> int:
    """What the database's files hold, with what it has not written back yet."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
