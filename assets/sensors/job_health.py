"""The jobs' health as Dagster events: check results and observations, when something changed and now and then.

The sensor also asks for a run of each job that is to be started again by itself (headwater.health.restart).
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import dagster as dg

from assets.cluster import only_declared
from assets.naming import RESTART, job_key
from assets.resources import STREAM_ENGINE
from assets.sensors.deployments import deployment, recorded_job, settled
from assets.sensors.health_events import Event, cluster_event, job_events, signature
from assets.sensors.said import Said
from headwater.compile.job import fingerprint
from headwater.engines import ActualJob, JobHealth
from headwater.health.look import JobWatch, Look, look_at
from headwater.health.restart import Healing, heal
from headwater.health.verdicts import judge
from headwater.model import Model, TableName, Warehouse

_INTERVAL_SECONDS = 15
_TICK_SECONDS = 20.0

# Unchanged health is said again this often, so that its counters stay readable and the event log small.
_REPEAT_SECONDS = 600.0

# Where the cursor keeps what was said of the cluster, among the tables' names.
_CLUSTER = "*"


@dataclass(frozen=True, slots=True)
class Start:
    """A job that is to be started again: the start's number, after the job of this id had ended."""

    model: TableName
    number: int
    failed: str


@dataclass(frozen=True, slots=True)
class Round:
    """One look over the jobs.

    Args:
        events: What is to be said.
        said: What has been said, least recently looked at first.
        looks: What was found, for the next look.
        starts: Jobs to start again.
    """

    events: tuple[Event, ...]
    said: Mapping[str, Said]
    looks: Mapping[str, Look]
    starts: tuple[Start, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """What a look over the jobs asks of Dagster.

    Args:
        deployed: The materialization of a job that has settled, or None when there is one already. Asked once a job.
        is_starting: Whether a run that starts this model's job again is under way.
    """

    deployed: Callable[[Model, ActualJob, JobHealth], dg.AssetMaterialization | None]
    is_starting: Callable[[TableName], bool]


def job_health_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor over all streaming jobs."""
    declared = cache(lambda name: fingerprint(warehouse.model(name), warehouse.model))
    healed = [job_key(model.name) for model in warehouse.streaming if model.restart]
    # Trends are seen over several looks. They live as long as this process: after that they take a minute to show.
    looks: dict[str, Look] = {}

    @dg.sensor(
        name="job_health",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={STREAM_ENGINE},
        target=dg.AssetSelection.assets(*healed) if healed else None,
        description="Reports how each declared job is, and starts it again where the declaration asks for it.",
    )
    def job_health(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        watch: JobWatch = getattr(context.resources, STREAM_ENGINE)
        before = {name: Said.from_json(entry) for name, entry in json.loads(context.cursor or "{}").items()}

        def deployed(model: Model, job: ActualJob, health: JobHealth) -> dg.AssetMaterialization | None:
            if recorded_job(context.instance, model) == job.id:
                return None
            return deployment(model, warehouse, job, health)

        asked = Instance(deployed, lambda name: _is_starting(context.instance, name))
        found = look_over(warehouse, declared, watch, before, looks, datetime.now(UTC), asked)
        looks.clear()
        looks.update(found.looks)
        return dg.SensorResult(
            asset_events=found.events,
            run_requests=[_request(start) for start in found.starts],
            cursor=json.dumps({name: said.as_json() for name, said in found.said.items()}),
            skip_reason=None if found.starts else f"{len(found.events)} events for {len(warehouse.streaming)} jobs",
        )

    return job_health


def look_over(
    warehouse: Warehouse,
    declared: Callable[[TableName], str],
    watch: JobWatch,
    said: Mapping[str, Said],
    looks: Mapping[str, Look],
    now: datetime,
    instance: Instance,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Round:
    """Look at each job, those not looked at for longest first, until the time is used up.

    Args:
        warehouse: What is declared.
        declared: Gives the fingerprint that a model's job would have.
        watch: Flink.
        said: What was said before.
        looks: What was found before.
        now: The moment, UTC.
        instance: Dagster.
        clock: Seconds that pass.

    Raises HeadwaterError when the JobManager cannot be reached: nothing is known of any job then.
    """
    started = clock()
    listing = watch.listing()
    by_name = {str(model.name): model for model in warehouse.streaming}
    order = [name for name in by_name if name not in said] + [name for name in said if name in by_name]
    now_said = {name: said[name] for name in order if name in said}
    now_looks = {name: looks[name] for name in order if name in looks}
    events: list[Event] = []
    starts: list[Start] = []
    for name in order:
        if clock() - started > _TICK_SECONDS:
            break
        model, before = by_name[name], now_said.pop(name, None)
        look = look_at(model, declared(model.name), listing, watch, now, now_looks.get(name))
        now_looks[name] = look
        healing = _healing(look, watch, before, instance)
        if healing.start and healing.attempts:
            starts.append(Start(model.name, healing.start, healing.attempts.failed))
        recorded = before.recorded if before else None
        if look.job and look.health and recorded != look.job.id and settled(look.job, look.health, now):
            materialization = instance.deployed(model, look.job, look.health)
            events += [materialization] if materialization else []
            recorded = look.job.id
        verdicts = judge(look, healing.words)
        news = signature(look, verdicts, healing)
        is_due = _is_due(before, news, now)
        is_news = before is None or before.signature != news
        events += job_events(look, verdicts, healing, is_news=is_news) if is_due else []
        at = now.timestamp() if is_due or before is None else before.at
        now_said[name] = Said(news, at, recorded, healing.attempts)
    passed, description = only_declared(warehouse, listing)
    cluster = said.get(_CLUSTER)
    if cluster is None or _is_due(cluster, description, now):
        events.append(cluster_event(passed, description))
        cluster = Said(description, now.timestamp())
    now_said[_CLUSTER] = cluster
    return Round(tuple(events), now_said, now_looks, tuple(starts))


def _is_due(before: Said | None, news: str, now: datetime) -> bool:
    """Something has changed since it was last said, or that was long ago."""
    return before is None or before.signature != news or now.timestamp() - before.at >= _REPEAT_SECONDS


def _healing(look: Look, watch: JobWatch, before: Said | None, instance: Instance) -> Healing:
    if look.model.restart is None:
        return Healing()
    attempts = before.attempts if before else None
    state = next(iter(watch.retained_states(look.model.name)), None) if look.job is None else None
    healing = heal(look, state, attempts)
    if healing.start and instance.is_starting(look.model.name):
        return Healing(attempts, words="it is being started again by itself")
    return healing


def _request(start: Start) -> dg.RunRequest:
    """A run that starts the job. Its key keeps a tick that is evaluated twice from asking for two."""
    return dg.RunRequest(
        run_key=f"restart-{start.model}-{start.failed}-{start.number}",
        asset_selection=[job_key(start.model)],
        tags={RESTART: str(start.model)},
    )


def _is_starting(instance: dg.DagsterInstance, name: TableName) -> bool:
    unfinished = dg.RunsFilter(tags={RESTART: str(name)}, statuses=list(_UNFINISHED))
    return bool(instance.get_run_ids(unfinished, limit=1))


_UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
