"""The job-health sensor and its verdicts."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from assets.health import judge
from assets.naming import job_key
from assets.resources import STREAM_ENGINE
from assets.sensors.job_health import Round, Said, look
from headwater.engines import ActualJob, JobHealth, JobState
from headwater.model import JobOptions, Model
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, VISITORS, VISITS, source, streaming, warehouse
from tests.unit.assets.inmemory import NOW, MemoryEngine


@pytest.fixture(autouse=True)
def one_job(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS))
    platform.engine.start(VISITS)


def look_at(platform: Platform, said: dict[str, Said] | None = None, *, later: float = 0) -> Round:
    now = NOW + timedelta(seconds=later)
    return look(platform.warehouse.streaming, platform.engine, said or {}, now, nothing_to_record)


def nothing_to_record(_model: Model, _job: ActualJob, _health: JobHealth) -> None:
    """Every job has been recorded."""


HEALTHY = JobHealth(JobState.RUNNING, 3, None, NOW, 0)


def change(engine: MemoryEngine, health: JobHealth) -> None:
    engine.healths[f"job-of-{VISITS}"] = health


def verdicts(found: Round) -> dict[str, bool]:
    return {event.check_name: event.passed for event in found.events if isinstance(event, dg.AssetCheckEvaluation)}


def observation(found: Round) -> dict[str, object]:
    (event,) = [event for event in found.events if isinstance(event, dg.AssetObservation)]
    assert event.asset_key == job_key(VISITS)
    return {key: value.value for key, value in event.metadata.items()}


def test_a_healthy_job_passes_and_is_described(platform: Platform) -> None:
    found = look_at(platform)
    assert verdicts(found) == {"job_running": True, "checkpoint_recent": True}
    assert observation(found) == {
        "flink/state": "RUNNING",
        "flink/job_id": "job-of-dwd.visits",
        "flink/job_url": "http://localhost/#/job/job-of-dwd.visits",
        "flink/fingerprint": "0123456789ab",
        "flink/restarts": 0,
        "flink/checkpoints": 3,
        "flink/last_checkpoint": NOW.timestamp(),
        "flink/late_dropped": 0,
    }


def test_unchanged_health_is_not_said_again_at_once(platform: Platform) -> None:
    said = dict(look_at(platform).said)
    assert look_at(platform, said, later=15).events == ()


def test_unchanged_health_is_said_again_after_ten_minutes(platform: Platform) -> None:
    said = dict(look_at(platform).said)
    change(platform.engine, replace(HEALTHY, last_checkpoint_at=NOW + timedelta(seconds=599)))
    assert look_at(platform, said, later=599).events == ()
    assert len(look_at(platform, said, later=600).events) == 3


@pytest.mark.parametrize(
    "health",
    [
        replace(HEALTHY, restarts=1),
        replace(HEALTHY, state=JobState.RESTARTING),
        replace(HEALTHY, late_dropped=4),
    ],
)
def test_a_change_is_said_at_once(platform: Platform, health: JobHealth) -> None:
    said = dict(look_at(platform).said)
    change(platform.engine, health)
    assert len(look_at(platform, said, later=15).events) == 3


def test_more_of_what_was_said_waits_for_its_turn(platform: Platform) -> None:
    change(platform.engine, replace(HEALTHY, late_dropped=4))
    said = dict(look_at(platform).said)
    change(platform.engine, replace(HEALTHY, late_dropped=9, checkpoints_completed=80))
    assert look_at(platform, said, later=15).events == ()


def test_a_restarting_job_fails_with_the_reason(platform: Platform) -> None:
    change(
        platform.engine, replace(HEALTHY, state=JobState.RESTARTING, restarts=5, failure="NoResourceAvailableException")
    )
    found = look_at(platform)
    check, _, _ = found.events
    assert isinstance(check, dg.AssetCheckEvaluation)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert check.description == "RESTARTING, 5 restarts; last failure: NoResourceAvailableException"


def test_a_job_that_is_gone_fails_both_checks(platform: Platform) -> None:
    said = dict(look_at(platform).said)
    platform.engine.running.clear()
    found = look_at(platform, said, later=15)
    assert verdicts(found) == {"job_running": False, "checkpoint_recent": False}
    assert len(found.events) == 2


def test_a_checkpoint_is_overdue_after_a_minute(platform: Platform) -> None:
    said = dict(look_at(platform).said)
    assert look_at(platform, said, later=60).events == ()
    found = look_at(platform, said, later=61)
    assert verdicts(found) == {"job_running": True, "checkpoint_recent": False}


@pytest.mark.parametrize(("age", "passed"), [(100, True), (101, False)])
def test_a_slower_checkpoint_interval_gives_more_patience(platform: Platform, age: int, passed: bool) -> None:
    model = replace(streaming(VISITORS, CLICKS), job=JobOptions(checkpoint_interval=timedelta(seconds=10)))
    job = platform.engine.start(VISITORS)
    _, recent = judge(model, job, platform.engine.health(job.id), NOW + timedelta(seconds=age))
    assert recent.passed is passed


def test_a_young_job_has_time_for_its_first_checkpoint(platform: Platform) -> None:
    job = platform.engine.running[VISITS]
    fresh = JobHealth(JobState.RUNNING, 0, None, None, 0)
    model = platform.warehouse.model(VISITS)
    assert judge(model, job, fresh, NOW + timedelta(seconds=30))[1].passed
    _, late = judge(model, job, fresh, NOW + timedelta(seconds=61))
    assert (late.passed, late.reason) == (False, "61 s since the start, and no checkpoint yet")


def test_the_newest_job_of_a_model_is_the_one_that_counts(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    old = platform.engine.running[VISITS]
    new = replace(old, id="newer")
    platform.engine.healths["newer"] = replace(platform.engine.healths[old.id], restarts=2)
    monkeypatch.setattr(platform.engine, "jobs", lambda: (new, old))
    assert observation(look_at(platform))["flink/job_id"] == "newer"


def test_a_slow_jobmanager_is_asked_in_turns(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS), streaming(VISITORS, CLICKS))
    platform.engine.start(VISITORS)
    told = set()
    said: dict[str, Said] = {}
    for _ in range(2):
        ticks = count(step=15)
        found = look(
            platform.warehouse.streaming,
            platform.engine,
            said,
            NOW,
            nothing_to_record,
            clock=lambda ticks=ticks: next(ticks),
        )
        told |= {event.asset_key for event in found.events}
        assert len(found.events) == 3
        said = dict(found.said)
    assert told == {job_key(VISITS), job_key(VISITORS)}


def test_an_unreachable_jobmanager_says_nothing_of_any_job(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> tuple[()]:
        raise HeadwaterError("The JobManager does not answer", unreachable=True)

    monkeypatch.setattr(platform.engine, "jobs", unreachable)
    with pytest.raises(HeadwaterError, match="does not answer"):
        look_at(platform)


def test_the_sensor_remembers_what_it_said(platform: Platform) -> None:
    definition = platform.definitions().get_repository_def().get_sensor_def("job_health")

    def tick(cursor: str | None) -> SensorExecutionData:
        context = dg.build_sensor_context(
            instance=platform.instance,
            cursor=cursor,
            resources={STREAM_ENGINE: platform.engine},
            definitions=platform.definitions(),
        )
        return definition.evaluate_tick(context)

    first = tick(None)
    assert first.asset_events
    assert str(VISITS) in json.loads(first.cursor or "")
    assert not tick(first.cursor).asset_events
