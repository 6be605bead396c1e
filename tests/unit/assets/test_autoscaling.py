"""The autoscaler's sensor: what it does with a decision, what it records of it, and what it remembers."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

import dagster as dg
import pytest

from assets.graph import build_definitions
from assets.naming import job_key
from assets.resources import STREAM_ENGINE
from assets.sensors.autoscaling import Round, look
from assets.sensors.watched import Watched, remembered, written
from headwater.ceiling import Ceiling
from headwater.engines import ActualJob, JobScale, JobState
from headwater.load import Load, Slots
from headwater.model import Autoscale, JobOptions, Model, Parallelism, TableName
from headwater.problem import HeadwaterError
from headwater.stack import Ports, Stack
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, ROOT, VISITORS, VISITS, source, streaming, warehouse
from tests.unit.assets.inmemory import NOW, MemoryEngine

TICK = timedelta(seconds=30)
BUSY = Load("Writer", 1.0, 128, backlog=5_000_000, rate=1000.0, held_back=0.25)


@dataclass
class ScalingEngine(MemoryEngine):
    """Jobs whose load a test sets; `asked` has every scaling."""

    scales: dict[str, JobScale] = field(default_factory=dict)
    loads: dict[str, Load | None] = field(default_factory=dict)
    free: int = 10
    refusal: HeadwaterError | None = None
    asked: list[tuple[TableName, int]] = field(default_factory=list)

    def jobs(self) -> tuple[ActualJob, ...]:
        return tuple(self.running.values())

    def scale(self, job_id: str) -> JobScale | None:
        return self.scales.get(job_id, JobScale(1, 1))

    def rescale(self, job: ActualJob, parallelism: int) -> None:
        self.asked.append((job.model, parallelism))
        if self.refusal:
            raise self.refusal
        self.scales[job.id] = JobScale(parallelism, parallelism)

    def load(self, job_id: str) -> Load | None:
        return self.loads.get(job_id, BUSY)

    def slots(self) -> Slots:
        return Slots(self.free, 16)


@dataclass
class Watch:
    """The sensor's looks, half a minute apart, over what it remembers."""

    engine: ScalingEngine
    models: list[Model]
    ceiling: Ceiling = field(default_factory=Ceiling)
    now: datetime = NOW
    watched: dict[str, Watched] = field(default_factory=dict)

    def look(self, times: int = 1) -> list[dg.AssetObservation]:
        """Look so often; give all that was recorded."""
        events: list[dg.AssetObservation] = []
        for _ in range(times):
            found: Round = look(self.models, self.engine, nothing_known, self.watched, self.now, self.ceiling)
            # As between two ticks of the daemon.
            self.watched = remembered(written(found.watched))
            assert self.watched == dict(found.watched)
            events += found.events
            self.now += TICK
        return events


def nothing_known(_model: Model, _now: datetime) -> timedelta | None:
    return None


def scaled(name: TableName, mode: Autoscale = Autoscale.ON) -> Model:
    return replace(streaming(name, CLICKS), job=JobOptions(Parallelism(1, 4, mode)))


@pytest.fixture
def engine() -> ScalingEngine:
    engine = ScalingEngine()
    engine.start(VISITS)
    return engine


def test_a_job_with_a_growing_backlog_is_scaled_and_the_reason_recorded(engine: ScalingEngine) -> None:
    watch = Watch(engine, [scaled(VISITS)])
    assert watch.look(3) == []
    (event,) = watch.look()
    assert engine.asked == [(VISITS, 2)]
    assert event.asset_key == job_key(VISITS)
    reason = "busy for 100% of its time; 5,000,000 records wait, no fewer"
    assert event.description == f"Scaled from 1 to 2: {reason}"
    assert {key: value.value for key, value in event.metadata.items()} == {
        "flink/job_id": f"job-of-{VISITS}",
        "headwater/autoscale": "on",
        "headwater/decision": "scale",
        "headwater/reason": reason,
        "headwater/parallelism": 1,
        "headwater/parallelism_decided": 2,
        "headwater/busiest": "Writer",
        "headwater/busy": 1.0,
        "headwater/held_back": 0.25,
        "headwater/backlog": 5_000_000,
        "headwater/ceiling": "none",
    }


def test_after_that_it_is_left_alone_for_the_cool_down(engine: ScalingEngine) -> None:
    watch = Watch(engine, [scaled(VISITS)])
    watch.look(4)
    assert watch.look(9) == []
    assert engine.asked == [(VISITS, 2)]
    (again,) = watch.look()
    assert engine.asked == [(VISITS, 2), (VISITS, 4)]
    assert again.metadata["headwater/parallelism_decided"].value == 4


def test_a_dry_run_decides_and_records_once_and_does_nothing(engine: ScalingEngine) -> None:
    watch = Watch(engine, [scaled(VISITS, Autoscale.DRY_RUN)])
    (event,) = watch.look(60)
    assert event.description is not None
    assert event.description.startswith("Would be scaled from 1 to 2: busy")
    assert event.description.endswith("(dry run)")
    assert engine.asked == []
    engine.loads[f"job-of-{VISITS}"] = replace(BUSY, busy=0.5, backlog=0)
    assert watch.look(20) == []
    engine.loads.clear()
    assert len(watch.look(5)) == 1


def test_what_is_in_the_way_is_recorded_once(engine: ScalingEngine) -> None:
    engine.scales[f"job-of-{VISITS}"] = JobScale(4, 4)
    (event,) = Watch(engine, [scaled(VISITS)]).look(60)
    assert event.description is not None
    assert event.description.startswith("Not scaled up: busy for 100%")
    assert event.description.endswith("but it is declared with 4 at most")
    assert event.metadata["headwater/decision"].value == "blocked"


def test_a_scaling_that_flink_refuses_is_recorded_with_the_cause_and_not_tried_again_at_once(
    engine: ScalingEngine,
) -> None:
    engine.refusal = HeadwaterError("Flink's JobManager refused: no")
    watch = Watch(engine, [scaled(VISITS)])
    (event,) = watch.look(10)
    assert event.description is not None
    assert event.description.startswith("Could not be scaled from 1 to 2: ")
    assert event.description.endswith("Flink's JobManager refused: no")
    assert len(engine.asked) == 1
    assert watch.look(5) == []
    assert len(engine.asked) == 2


def test_a_job_that_somebody_else_has_scaled_is_left_alone_for_the_cool_down(engine: ScalingEngine) -> None:
    watch = Watch(engine, [scaled(VISITS)])
    watch.look(3)
    engine.scales[f"job-of-{VISITS}"] = JobScale(2, 2)
    assert watch.look(10) == []
    (event,) = watch.look()
    assert event.metadata["headwater/parallelism"].value == 2


def test_a_job_is_not_judged_while_it_changes_over_or_has_no_figures(engine: ScalingEngine) -> None:
    job_id = f"job-of-{VISITS}"
    watch = Watch(engine, [scaled(VISITS)])
    engine.scales[job_id] = JobScale(2, 1)
    watch.look(5)
    engine.scales[job_id], engine.loads[job_id] = JobScale(2, 2), None
    watch.look(5)
    assert watch.watched[str(VISITS)].readings == ()
    engine.loads.clear()
    assert watch.look(3) == []
    assert len(watch.look()) == 1


def test_a_job_that_was_started_anew_is_watched_anew(engine: ScalingEngine) -> None:
    watch = Watch(engine, [scaled(VISITS)])
    watch.look(3)
    engine.running[VISITS] = replace(engine.running[VISITS], id="another")
    assert watch.look(3) == []
    assert len(watch.look()) == 1


@pytest.mark.parametrize("state", [JobState.RESTARTING, None])
def test_a_job_that_does_not_run_is_forgotten(engine: ScalingEngine, state: JobState | None) -> None:
    watch = Watch(engine, [scaled(VISITS)])
    watch.look(3)
    job = engine.running.pop(VISITS)
    if state is not None:
        engine.running[VISITS] = replace(job, state=state)
    assert watch.look() == []
    assert watch.watched == {}


def test_jobs_share_the_slots_that_are_free_and_the_ceiling(engine: ScalingEngine) -> None:
    engine.start(VISITORS)
    watch = Watch(engine, [scaled(VISITS), scaled(VISITORS)], Ceiling(slots=7))
    events = watch.look(4)
    assert [event.metadata["headwater/decision"].value for event in events] == ["scale", "blocked"]
    assert str(events[1].description).endswith("but there is no slot that it may have")
    assert events[1].metadata["headwater/ceiling"].value == "7 slots"


def test_readings_are_kept_for_as_long_as_decisions_go_back(engine: ScalingEngine) -> None:
    watch = Watch(engine, [scaled(VISITS)])
    engine.loads[f"job-of-{VISITS}"] = replace(BUSY, busy=0.7, backlog=0)
    watch.look(100)
    assert 11 <= len(watch.watched[str(VISITS)].readings) <= 15


def test_those_not_looked_at_for_longest_come_first_when_time_runs_out(engine: ScalingEngine) -> None:
    engine.start(VISITORS)
    models = [scaled(VISITS), scaled(VISITORS)]
    seconds = count(0, 11)
    found = look(models, engine, nothing_known, {}, NOW, Ceiling(), clock=lambda: next(seconds))
    assert list(found.watched) == [str(VISITS)]
    seconds = count(0, 11)
    again = look(models, engine, nothing_known, found.watched, NOW + TICK, Ceiling(), clock=lambda: next(seconds))
    assert list(again.watched) == [str(VISITS), str(VISITORS)]
    assert len(again.watched[str(VISITS)].readings) == 1


def sensors(*models: Model) -> set[str]:
    built = build_definitions(warehouse(source(CLICKS), *models), Stack(ROOT, ROOT, Ports()))
    return {sensor.name for sensor in built.get_repository_def().sensor_defs}


def test_there_is_no_sensor_where_nothing_is_autoscaled() -> None:
    assert "autoscaling" not in sensors(streaming(VISITS, CLICKS))
    assert "autoscaling" in sensors(scaled(VISITS, Autoscale.DRY_RUN), streaming(VISITORS, CLICKS))


def test_the_sensor_looks_at_the_jobs_that_are_declared_so(
    platform: Platform, engine: ScalingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_AUTOSCALE_SLOTS", "7")
    engine.start(VISITORS)
    platform.warehouse = warehouse(source(CLICKS), scaled(VISITS), streaming(VISITORS, CLICKS))
    definition = platform.definitions().get_repository_def().get_sensor_def("autoscaling")
    with dg.build_sensor_context(
        instance=platform.instance, cursor=None, resources=platform.resources | {STREAM_ENGINE: engine}
    ) as context:
        data = definition.evaluate_tick(context)
    assert set(remembered(data.cursor)) == {str(VISITS)}
    assert data.skip_message == "0 decisions on 1 jobs"
