"""The jobs' health as Dagster events: check results and observations, when something changed and now and then."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime

import dagster as dg

from assets.health import Verdict, judge
from assets.metadata import present, timestamp
from assets.naming import job_key
from assets.resources import STREAM_ENGINE, JobWatch
from assets.sensors.deployments import deployment, recorded_job, settled
from headwater.engines import ActualJob, JobHealth
from headwater.model import Model, Warehouse

_INTERVAL_SECONDS = 15
_TICK_SECONDS = 20.0

# Unchanged health is said again this often, so that its counters stay readable and the event log small.
_REPEAT_SECONDS = 600.0

Event = dg.AssetObservation | dg.AssetCheckEvaluation | dg.AssetMaterialization


@dataclass(frozen=True, slots=True)
class Said:
    """What was last said of a job.

    Args:
        signature: What must change for it to be said again.
        at: When, in seconds since 1970.
        recorded: The Flink id of the job that the newest materialization names.
    """

    signature: str
    at: float
    recorded: str | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One look over the jobs: what is to be said, and what has been said, least recently looked at first."""

    events: tuple[Event, ...]
    said: Mapping[str, Said]


def job_health_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor over all streaming jobs."""

    @dg.sensor(
        name="job_health",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={STREAM_ENGINE},
        description="Reports whether each declared job runs and completes checkpoints.",
    )
    def job_health(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        engine: JobWatch = getattr(context.resources, STREAM_ENGINE)
        before = {name: Said(*entry) for name, entry in json.loads(context.cursor or "{}").items()}

        def deployed(model: Model, job: ActualJob, health: JobHealth) -> dg.AssetMaterialization | None:
            if recorded_job(context.instance, model) == job.id:
                return None
            return deployment(model, warehouse, job, health)

        found = look(warehouse.streaming, engine, before, datetime.now(UTC), deployed)
        return dg.SensorResult(
            asset_events=found.events,
            cursor=json.dumps({name: astuple(said) for name, said in found.said.items()}),
            skip_reason=f"{len(found.events)} events for {len(warehouse.streaming)} jobs",
        )

    return job_health


def look(
    models: Sequence[Model],
    engine: JobWatch,
    said: Mapping[str, Said],
    now: datetime,
    deployed: Callable[[Model, ActualJob, JobHealth], dg.AssetMaterialization | None],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Round:
    """Ask for each job's health, those not looked at for longest first, until the time is used up.

    `deployed` is asked once for each job that has settled: its materialization, or None when there is one already.
    Raises HeadwaterError when the JobManager cannot be reached: nothing is known of any job then.
    """
    started = clock()
    jobs = {job.model: job for job in reversed(engine.jobs())}
    by_name = {str(model.name): model for model in models}
    order = [name for name in by_name if name not in said] + [name for name in said if name in by_name]
    now_said = {name: said[name] for name in order if name in said}
    events: list[Event] = []
    for name in order:
        if clock() - started > _TICK_SECONDS:
            break
        model = by_name[name]
        job = jobs.get(model.name)
        health = engine.health(job.id) if job else None
        verdicts = judge(model, job, health, now)
        before = now_said.pop(name, None)
        signature = _signature(job, health, verdicts)
        recorded = before.recorded if before else None
        if job and health and recorded != job.id and settled(job, health, now):
            materialization = deployed(model, job, health)
            events += [materialization] if materialization else []
            recorded = job.id
        at = before.at if before else 0.0
        if before is None or before.signature != signature or now.timestamp() - at >= _REPEAT_SECONDS:
            events += _events(model, job, health, verdicts)
            at = now.timestamp()
        now_said[name] = Said(signature, at, recorded)
    return Round(tuple(events), now_said)


def _signature(job: ActualJob | None, health: JobHealth | None, verdicts: Sequence[Verdict]) -> str:
    """What is news: another job, state, restart count or verdict, or the first record dropped as late."""
    outcomes = "".join("y" if verdict.passed else "n" for verdict in verdicts)
    if job is None or health is None:
        return outcomes
    late = "late" if health.late_dropped else "in time"
    return f"{outcomes} {job.id} {health.state.value} {health.restarts} {late}"


def _events(model: Model, job: ActualJob | None, health: JobHealth | None, verdicts: Sequence[Verdict]) -> list[Event]:
    key = job_key(model.name)
    events: list[Event] = [
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=verdict.check,
            passed=verdict.passed,
            severity=verdict.severity,
            description=verdict.reason,
        )
        for verdict in verdicts
    ]
    if job is not None and health is not None:
        events.append(dg.AssetObservation(key, metadata=_observed(job, health)))
    return events


def _observed(job: ActualJob, health: JobHealth) -> dict[str, dg.MetadataValue]:
    return present(
        {
            "flink/state": dg.MetadataValue.text(health.state.value),
            "flink/job_id": dg.MetadataValue.text(job.id),
            "flink/job_url": dg.MetadataValue.url(job.url),
            "flink/fingerprint": dg.MetadataValue.text(job.fingerprint),
            "flink/restarts": dg.MetadataValue.int(health.restarts),
            "flink/checkpoints": dg.MetadataValue.int(health.checkpoints_completed),
            "flink/last_checkpoint": timestamp(health.last_checkpoint_at) if health.last_checkpoint_at else None,
            "flink/late_dropped": dg.MetadataValue.int(health.late_dropped),
            "flink/failure": dg.MetadataValue.text(health.failure) if health.failure else None,
        }
    )
