"""The page `/metrics`: a picture in Prometheus' words."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from headwater.cost.bill import Bill
from headwater.engines import JobState
from headwater.lag.hops import Hop, State, TableLag
from resources.status import JobStatus, TableStatus
from resources.watch import catalogue as c
from resources.watch.consumer import OpenAlert
from resources.watch.health import troubles
from resources.watch.picture import DagsterPicture, Picture, Run
from resources.watch.pushes import SOURCES, Pushes

Sample = tuple[c.Metric, tuple[str, ...], float]

_MISSING = "MISSING"
_JOB_STATES = (*(state.value for state in JobState), _MISSING)
_SEVERITIES = {"WARN": "warning", "ERROR": "error"}
_REMEMBERED_RUNS = 2000


class Metrics(Collector):
    """Makes the page of the newest picture, each time that it is asked for.

    Args:
        alerts: Gives the alerts that are open.
        pushes: What Flink pushed.
    """

    def __init__(self, alerts: Callable[[], Sequence[OpenAlert]], pushes: Pushes) -> None:
        self._alerts = alerts
        self._pushes = pushes
        self._picture: Picture | None = None
        self._took = 0.0
        self._failures = 0
        self._runs: Counter[tuple[str, str]] = Counter()
        self._counted: OrderedDict[str, None] = OrderedDict()
        self._applies: Counter[str] = Counter()
        self._last_apply = self._began = datetime.now(UTC)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def take(self, picture: Picture, seconds: float) -> None:
        """The newest picture, and how long the look took."""
        for run in picture.dagster.ended:
            if run.id not in self._counted and run.ended_at >= self._began:
                self._runs[run_kind(run), run.status.lower()] += 1
                self._counted[run.id] = None
        while len(self._counted) > _REMEMBERED_RUNS:
            self._counted.popitem(last=False)
        for each in picture.applies:
            ended = datetime.fromisoformat(each.at)
            if ended > self._last_apply:
                self._applies["failure" if each.failed else "success"] += 1
                self._last_apply = ended
        self._picture, self._took = picture, seconds

    def count_failure(self) -> None:
        """A look failed."""
        self._failures += 1

    def page(self, accept: str) -> tuple[str, bytes]:
        """The content's type and the page, in the format that the reader accepts."""
        encode, kind = choose_encoder(accept)
        return kind, encode(self._registry)

    def collect(self) -> Iterable[Family]:
        """See prometheus_client.registry.Collector."""
        families: dict[str, Family] = {}
        for metric, labels, value in self._samples():
            family = families.get(metric.name)
            if family is None:
                family = families[metric.name] = _family(metric)
            family.add_metric(labels, value)  # pyright: ignore[reportAttributeAccessIssue]
        return families.values()

    def _samples(self) -> Iterator[Sample]:
        yield c.BUILD, (version("headwater"),), 1
        yield c.LOOK_FAILURES, (), self._failures
        yield c.HEALTHY, (), not troubles(self._picture, datetime.now(UTC))
        for kind in ("apply", "report", "backfill", "other"):
            for outcome in ("success", "failure", "canceled"):
                yield c.RUNS, (kind, outcome), self._runs[kind, outcome]
        for outcome in ("success", "failure"):
            yield c.APPLIES, (outcome,), self._applies[outcome]
        for source in SOURCES:
            push = self._pushes.newest(source)
            if push is not None:
                yield c.PUSHED_AT, (source,), push.at
        for alert in self._alerts():
            told = (alert.kind, alert.subject, alert.owner, alert.severity, str(alert.silenced).lower())
            yield c.ALERT, told, 1
        if self._picture is not None:
            yield c.LOOK_TOOK, (), self._took
            yield from samples(self._picture)


def samples(picture: Picture) -> Iterator[Sample]:
    """Every figure of one picture."""
    yield c.LOOK_AT, (), picture.at.timestamp()
    yield c.DECLARATIONS, (), not picture.declarations
    yield from _of_lags(picture.lags)
    for table in picture.status.tables:
        yield from _of_table(picture, table)
    yield c.FLINK_UP, (), not picture.status.unreachable
    for job in picture.status.jobs:
        yield from _of_job(job)
    yield c.UNDECLARED, (), len(picture.status.undeclared)
    yield c.FOREIGN, (), len(picture.status.foreign)
    yield from _of_processes(picture)
    if picture.bill is not None:
        yield from _of_costs(picture.bill)
    if picture.dagster.at is not None:
        yield from _of_dagster(picture.dagster)


def run_kind(run: Run) -> str:
    """What a run was for."""
    if run.backfill or run.job_name == "backfill":
        return "backfill"
    layers = {asset.partition("/")[0] for asset in run.assets}
    return "apply" if "flink" in layers else "report" if "rpt" in layers else "other"


def _family(metric: c.Metric) -> Family:
    if metric.kind is c.Kind.COUNTER:
        return CounterMetricFamily(metric.name.removesuffix("_total"), metric.meaning, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def _of_lags(lags: Sequence[TableLag]) -> Iterator[Sample]:
    hops = {(hop.table, hop.source, hop.kind): hop for lag in lags for hop in lag.hops}
    for hop in hops.values():
        yield from _of_hop(hop)
    for lag in lags:
        table = (str(lag.table),)
        if lag.behind is not None:
            yield c.BEHIND, table, lag.behind.total_seconds()
        if lag.watermark_lag is not None:
            yield c.WATERMARK_LAG, table, lag.watermark_lag.total_seconds()
        for state in State:
            yield c.TABLE_STATE, (*table, state.value), lag.state is state
        if lag.promise is not None:
            yield c.PROMISE, (*table, "fail"), lag.promise.fail_after.total_seconds()
            if lag.promise.warn_after is not None:
                yield c.PROMISE, (*table, "warn"), lag.promise.warn_after.total_seconds()
        if lag.guilty is not None:
            hop = lag.guilty
            yield c.GUILTY, (*table, str(hop.table), str(hop.source), hop.kind.value), 1
        yield c.UNMEASURED, table, bool(lag.unmeasured)
        if lag.newest_event is not None:
            yield c.NEWEST_EVENT, table, lag.newest_event.timestamp()
        if lag.newest_arrival is not None:
            yield c.NEWEST_ARRIVAL, table, lag.newest_arrival.timestamp()


def _of_hop(hop: Hop) -> Iterator[Sample]:
    place = (str(hop.table), str(hop.source), hop.kind.value)
    yield c.LAG, place, hop.age.total_seconds()
    yield c.LAG_OWN, place, hop.own.total_seconds()
    if hop.waiting is not None:
        yield c.BACKLOG, place, hop.waiting


def _of_table(picture: Picture, table: TableStatus) -> Iterator[Sample]:
    name = (str(table.model),)
    if picture.warehouse is not None and table.model in picture.warehouse:
        owner = picture.warehouse.model(table.model).owner
        yield c.TABLE, (*name, table.model.layer.value, owner), 1
    if table.snapshot is not None:
        yield c.ROWS, name, table.rows
        yield c.SNAPSHOT, name, table.snapshot.id
        yield c.SNAPSHOT_AT, name, table.snapshot.committed_at.timestamp()


def _of_job(job: JobStatus) -> Iterator[Sample]:
    name = (str(job.model),)
    yield c.JOB_UP, name, job.runs
    for state in _JOB_STATES:
        yield c.JOB_STATE, (*name, state), job.state == state
    for verdict in job.verdicts:
        yield c.JOB_CHECK, (*name, verdict.check.value), verdict.passed
    if job.job is not None:
        yield c.JOB_STARTED, name, job.job.started_at.timestamp()
    health = job.health
    if health is not None:
        yield c.JOB_RESTARTS, name, health.restarts
        yield c.JOB_CHECKPOINTS, name, health.checkpoints_completed
        yield c.JOB_CHECKPOINTS_FAILED, name, health.checkpoints_failed
        yield c.JOB_LATE_DROPPED, name, health.late_dropped
        if health.last_checkpoint_at is not None:
            yield c.JOB_CHECKPOINT_AT, name, health.last_checkpoint_at.timestamp()


def _of_costs(bill: Bill) -> Iterator[Sample]:
    for usage in bill.assets:
        name = (str(usage.model),)
        if usage.cpu is not None:
            yield c.ASSET_CPU, name, usage.cores
        yield c.ASSET_STATE, name, usage.kept_bytes
        if usage.table is not None:
            yield c.ASSET_STORED, name, usage.table.bytes
            yield c.ASSET_FILES, name, usage.table.files
            yield c.ASSET_HELD, name, usage.table.held_bytes
        charge = bill.charge(usage)
        if charge is not None and bill.prices is not None:
            yield c.ASSET_COST, (*name, bill.prices.currency), charge.total


def _of_processes(picture: Picture) -> Iterator[Sample]:
    for process in picture.status.processes:
        name = (process.name,)
        yield c.PROCESS_UP, name, process.state == "RUNNING"
        yield c.PROCESS_RESTARTS, name, process.restarts
        if process.pid is not None:
            yield c.PROCESS_CPU, name, process.cpu
            yield c.PROCESS_MEMORY, name, process.rss
            yield c.PROCESS_STARTED, name, picture.at.timestamp() - process.uptime


def _of_dagster(found: DagsterPicture) -> Iterator[Sample]:
    yield c.DAGSTER_UP, (), not found.unreachable
    for check in found.checks:
        yield c.CHECK_FAILED, (check.asset, check.name, _SEVERITIES.get(check.severity, "error")), 1
    if found.unreachable:
        return
    yield c.DEFINITIONS, (), not found.definitions_error
    for daemon in found.daemons:
        yield c.DAEMON_HEALTHY, (daemon.type, str(daemon.required).lower()), daemon.healthy
        if daemon.last_heartbeat is not None:
            yield c.DAEMON_AT, (daemon.type,), daemon.last_heartbeat.timestamp()
    for each in found.instigators:
        named = (each.name, each.kind.value)
        yield c.INSTIGATOR_ON, named, each.running
        if each.last_tick is not None:
            yield c.INSTIGATOR_FAILED, named, each.last_tick.failed
            yield c.INSTIGATOR_AT, named, each.last_tick.at.timestamp()
        if each.interval is not None:
            yield c.INSTIGATOR_EVERY, (each.name,), each.interval.total_seconds()
    kinds = Counter(run_kind(run) for run in found.runs)
    for kind in ("apply", "report", "backfill", "other"):
        yield c.RUNS_FAILED, (kind,), kinds[kind]
    yield c.BACKFILLS_FAILED, (), len(found.backfills)
