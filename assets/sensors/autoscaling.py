"""The autoscaler: looks at the load of running jobs, decides, and scales those whose declaration lets it.

What it decides, and why, is an observation of the job's asset: once, not at every look.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import dagster as dg

from assets.metadata import present
from assets.naming import job_key
from assets.resources import STREAM_ENGINE, TABLE_STORE
from assets.sensors.watched import Watched, remembered, written
from headwater.ceiling import Ceiling
from headwater.engines import ActualJob, JobScale, JobState, TableStore
from headwater.lag.event_time import event_time_lag
from headwater.load import LoadMeter
from headwater.model import Autoscale, Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.scaling import POLICY, Decision, Kind, Reading, decide

_INTERVAL_SECONDS = 30
_TICK_SECONDS = 20.0
# A look more than the longest that a decision goes back, whatever the pauses between looks.
_KEPT = POLICY.down_after + timedelta(minutes=2)


class ScalingEngine(LoadMeter, Protocol):
    """The part of a stream engine that tells the load of jobs and scales them."""

    def jobs(self) -> tuple[ActualJob, ...]:
        """See StreamEngine.jobs."""
        ...

    def scale(self, job_id: str) -> JobScale | None:
        """See StreamEngine.scale."""
        ...

    def rescale(self, job: ActualJob, parallelism: int) -> None:
        """See StreamEngine.rescale."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """One look over the jobs: what was decided, and what is remembered, least recently looked at first."""

    events: tuple[dg.AssetObservation, ...]
    watched: Mapping[str, Watched]


def autoscaled(warehouse: Warehouse) -> tuple[Model, ...]:
    """The models whose jobs the autoscaler looks after."""
    return tuple(model for model in warehouse.streaming if model.job.parallelism.autoscale is not Autoscale.OFF)


def autoscaling_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor over all jobs that are declared with `autoscale: on` or `dry-run`."""
    models = autoscaled(warehouse)

    @dg.sensor(
        name="autoscaling",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={STREAM_ENGINE, TABLE_STORE},
        description="Scales jobs by their load, within what their declaration and the ceiling allow.",
    )
    def autoscaling(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        engine: ScalingEngine = getattr(context.resources, STREAM_ENGINE)
        store: TableStore = getattr(context.resources, TABLE_STORE)

        def lag(model: Model, now: datetime) -> timedelta | None:
            return event_time_lag(model, warehouse.model, store.latest_snapshot(model.name), now)

        found = look(models, engine, lag, remembered(context.cursor), datetime.now(UTC), Ceiling.resolve())
        return dg.SensorResult(
            asset_events=found.events,
            cursor=written(found.watched),
            skip_reason=f"{len(found.events)} decisions on {len(models)} jobs",
        )

    return autoscaling


def look(
    models: Sequence[Model],
    engine: ScalingEngine,
    lag: Callable[[Model, datetime], timedelta | None],
    watched: Mapping[str, Watched],
    now: datetime,
    ceiling: Ceiling,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Round:
    """Look at each job, those not looked at for longest first, until the time is used up; decide, and do it.

    Raises HeadwaterError when the JobManager cannot be reached.
    """
    started = clock()
    jobs = {job.model: job for job in reversed(engine.jobs()) if job.state is JobState.RUNNING}
    slots = engine.slots()
    by_name = {str(model.name): model for model in models}
    order = [name for name in by_name if name not in watched] + [name for name in watched if name in by_name]
    kept = {name: watched[name] for name in order if name in watched}
    events: list[dg.AssetObservation] = []
    for name in order:
        if clock() - started > _TICK_SECONDS:
            break
        model, before = by_name[name], kept.pop(name, None)
        job = jobs.get(model.name)
        scale = engine.scale(job.id) if job else None
        if job is None or scale is None:
            continue
        known = _known(before, job, scale, now)
        load = engine.load(job.id) if scale.running == scale.wanted else None
        if load is None:
            kept[name] = known
            continue
        known = _with_reading(known, Reading(now, load, lag(model, now)))
        decision = _decided(model, known, now, ceiling.room(slots))
        failure = _scaled(engine, model, job, decision)
        if _is_done(model, decision, failure):
            slots = replace(slots, free=max(slots.free - max(decision.after - decision.before, 0), 0))
        kept[name] = _after(known, model, decision, now, failure)
        if kept[name].said not in ("", known.said):
            events.append(_event(model, job, decision, known.readings[-1], ceiling, failure))
    return Round(tuple(events), kept)


def _known(before: Watched | None, job: ActualJob, scale: JobScale, now: datetime) -> Watched:
    """What is known of a job. One that somebody else has scaled is left alone for the cool-down too."""
    if before is None or before.job_id != job.id:
        return Watched(job.id, scale.wanted)
    return before if before.parallelism == scale.wanted else Watched(job.id, scale.wanted, scaled_at=now)


def _with_reading(known: Watched, reading: Reading) -> Watched:
    recent = (earlier for earlier in known.readings if reading.at - earlier.at <= _KEPT)
    return replace(known, readings=(*recent, reading))


def _decided(model: Model, known: Watched, now: datetime, room: int) -> Decision:
    return decide(
        known.readings,
        known.parallelism,
        model.job.parallelism,
        now,
        room=room,
        freshness=model.freshness,
        scaled_at=known.scaled_at,
    )


def _scaled(engine: ScalingEngine, model: Model, job: ActualJob, decision: Decision) -> str:
    """Do as is decided, where the declaration says so; give why it failed, or ""."""
    if decision.kind is not Kind.SCALE or model.job.parallelism.autoscale is not Autoscale.ON:
        return ""
    try:
        engine.rescale(job, decision.after)
    except HeadwaterError as error:
        return error.failed
    return ""


def _is_done(model: Model, decision: Decision, failure: str) -> bool:
    return decision.kind is Kind.SCALE and model.job.parallelism.autoscale is Autoscale.ON and not failure


def _after(known: Watched, model: Model, decision: Decision, now: datetime, failure: str) -> Watched:
    """What to remember. A dry run is followed by the cool-down too, and so is an attempt that failed."""
    if decision.kind is Kind.HOLD:
        declared = model.job.parallelism
        is_cooling = known.scaled_at is not None and now - known.scaled_at < declared.cool_down
        return known if is_cooling else replace(known, said="")
    said = f"{decision.kind} {decision.before} {decision.after} {failure}"
    if decision.kind is Kind.BLOCKED:
        return replace(known, said=said)
    if _is_done(model, decision, failure):
        return Watched(known.job_id, decision.after, now, said)
    return replace(known, scaled_at=now, said=said)


def _event(
    model: Model, job: ActualJob, decision: Decision, reading: Reading, ceiling: Ceiling, failure: str
) -> dg.AssetObservation:
    load = reading.load
    return dg.AssetObservation(
        job_key(model.name),
        description=_told(model, decision, failure),
        metadata=present(
            {
                "flink/job_id": job.id,
                "headwater/autoscale": model.job.parallelism.autoscale.value,
                "headwater/decision": decision.kind.value,
                "headwater/reason": decision.reason,
                "headwater/parallelism": decision.before,
                "headwater/parallelism_decided": decision.after,
                "headwater/busiest": load.busiest,
                "headwater/busy": round(load.busy, 3),
                "headwater/held_back": round(load.held_back, 3),
                "headwater/backlog": load.backlog,
                "headwater/lag_seconds": round(reading.lag.total_seconds(), 3) if reading.lag is not None else None,
                "headwater/ceiling": str(ceiling),
            }
        ),
    )


def _told(model: Model, decision: Decision, failure: str) -> str:
    if decision.kind is Kind.BLOCKED:
        return f"Not scaled up: {decision.reason}"
    change = f"from {decision.before} to {decision.after}: {decision.reason}"
    if failure:
        return f"Could not be scaled {change}. {failure}"
    is_dry = model.job.parallelism.autoscale is Autoscale.DRY_RUN
    return f"Would be scaled {change} (dry run)" if is_dry else f"Scaled {change}"
