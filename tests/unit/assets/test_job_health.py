"""The job-health sensor: what it says, when it says it again, and which jobs it starts again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from assets.cluster import CLUSTER
from assets.naming import RESTART, job_key
from assets.resources import STREAM_ENGINE
from assets.sensors.job_health import Instance, Round, Start, look_over
from assets.sensors.said import Said
from headwater.compile.job import fingerprint
from headwater.engines import ForeignJob, JobHealth, JobState, TaskLoad
from headwater.health.restart import Attempts
from headwater.model import Restart
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, VISITORS, VISITS, source, streaming, warehouse
from tests.unit.assets.inmemory import NOW, MemoryEngine

PRINT = "0123456789ab"
POLICY = Restart(attempts=2, backoff=timedelta(seconds=30), within=timedelta(hours=1))
POISON = (Path(__file__).parents[1] / "flink" / "traces" / "failures" / "not_a_number.txt").read_text()
NOTHING = Instance(lambda _model, _job, _health: None, lambda _name: False)


@pytest.fixture(autouse=True)
def one_job(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS))
    platform.engine.start(VISITS)


def look_at(platform: Platform, before: Round | None = None, *, later: float = 0, asked: Instance = NOTHING) -> Round:
    now = NOW + timedelta(seconds=later)
    said, looks = (before.said, before.looks) if before else ({}, {})
    return look_over(platform.warehouse, lambda _name: PRINT, platform.engine, said, looks, now, asked)


HEALTHY = JobHealth(JobState.RUNNING, 3, None, NOW, 0)


def change(engine: MemoryEngine, health: JobHealth) -> None:
    engine.healths[f"job-of-{VISITS}"] = health


def ours(found: Round) -> list[object]:
    return [event for event in found.events if event.asset_key == job_key(VISITS)]


def verdicts(found: Round) -> dict[str, bool]:
    return {e.check_name: e.passed for e in ours(found) if isinstance(e, dg.AssetCheckEvaluation)}


def observation(found: Round) -> Mapping[str, object]:
    (event,) = [event for event in ours(found) if isinstance(event, dg.AssetObservation)]
    return {key: value.value for key, value in event.metadata.items()}


def test_a_healthy_job_passes_and_is_described(platform: Platform) -> None:
    found = look_at(platform)
    assert verdicts(found) == dict.fromkeys(
        ("job_running", "checkpoint_recent", "job_as_declared", "job_keeps_up"), True
    )
    assert observation(found) == {
        "flink/state": "RUNNING",
        "flink/job_id": "job-of-dwd.visits",
        "flink/job_url": "http://localhost/#/job/job-of-dwd.visits",
        "flink/fingerprint": PRINT,
        "flink/restarts": 0,
        "flink/checkpoints": 3,
        "flink/last_checkpoint": NOW.timestamp(),
        "flink/late_dropped": 0,
    }


def test_unchanged_health_is_not_said_again_at_once(platform: Platform) -> None:
    assert look_at(platform, look_at(platform), later=15).events == ()


def test_what_is_known_of_a_job_is_said_again_after_ten_minutes_and_its_unchanged_verdicts_are_not(
    platform: Platform,
) -> None:
    first = look_at(platform)
    change(platform.engine, replace(HEALTHY, last_checkpoint_at=NOW + timedelta(seconds=599)))
    assert look_at(platform, first, later=599).events == ()
    (event,) = ours(look_at(platform, first, later=600))
    assert isinstance(event, dg.AssetObservation)


@pytest.mark.parametrize(
    "health",
    [
        replace(HEALTHY, restarts=1),
        replace(HEALTHY, state=JobState.RESTARTING),
        replace(HEALTHY, late_dropped=4),
        replace(HEALTHY, checkpoints_failed=3, checkpoint_failure="Checkpoint expired before completing."),
    ],
)
def test_a_change_is_said_at_once(platform: Platform, health: JobHealth) -> None:
    first = look_at(platform)
    change(platform.engine, health)
    assert len(ours(look_at(platform, first, later=15))) == 5


def test_more_of_what_was_said_waits_for_its_turn(platform: Platform) -> None:
    change(platform.engine, replace(HEALTHY, late_dropped=4))
    first = look_at(platform)
    change(platform.engine, replace(HEALTHY, late_dropped=9, checkpoints_completed=80))
    assert look_at(platform, first, later=15).events == ()


def test_a_job_that_keeps_failing_is_red_with_the_cause_in_words_and_what_to_do(platform: Platform) -> None:
    times = tuple(NOW - timedelta(seconds=second) for second in (1, 4, 9))
    failing = replace(HEALTHY, state=JobState.RESTARTING, restarts=3, failed_at=times, trace=POISON, failure="x")
    change(platform.engine, replace(failing, since=NOW))
    found = look_at(platform)
    check = ours(found)[0]
    assert isinstance(check, dg.AssetCheckEvaluation)
    assert (check.check_name, check.passed, check.severity) == ("job_running", False, dg.AssetCheckSeverity.ERROR)
    assert check.description == (
        "RESTARTING, failed 3 times within the last 9 s; cause: A record holds a value that cannot be converted (For "
        "input string: 'poison'. Invalid character found.); the job fails at it again and again. "
        "Next: write TRY_CAST where the SQL of dwd.visits has CAST, then headwater apply"
    )
    assert str(observation(found)["headwater/cause"]).startswith("A record holds a value that cannot be converted")


def test_a_job_that_is_gone_fails_all_checks(platform: Platform) -> None:
    first = look_at(platform)
    platform.engine.running.clear()
    found = look_at(platform, first, later=15)
    assert set(verdicts(found).values()) == {False}
    assert len(ours(found)) == 4


def test_a_job_of_another_version_is_told(platform: Platform) -> None:
    first = look_at(platform)
    platform.engine.running[VISITS] = replace(platform.engine.running[VISITS], fingerprint="other0000000")
    assert verdicts(look_at(platform, first, later=15))["job_as_declared"] is False


def test_a_job_that_is_held_up_turns_red_after_a_minute_of_looks(platform: Platform) -> None:
    found, reds = None, []
    for number in range(5):
        ms = 100_000 + 15_000.0 * number
        tasks = (TaskLoad("Source: clicks[1]", ms * 0.9, ms * 0.1, 0), TaskLoad("Writer : visits", 0, ms, 0))
        change(platform.engine, replace(HEALTHY, tasks=tasks))
        found = look_at(platform, found, later=15 * number)
        reds.append(verdicts(found).get("job_keeps_up"))
    assert reds == [True, None, None, False, None]  # said when it changes


def test_the_newest_job_of_a_model_is_the_one_that_counts(platform: Platform) -> None:
    old = platform.engine.running[VISITS]
    platform.engine.running = {VISITS: replace(old, id="newer"), VISITORS: old}
    platform.engine.healths["newer"] = replace(platform.engine.healths[old.id], restarts=2)
    assert observation(look_at(platform))["flink/job_id"] == "newer"


def test_a_slow_jobmanager_is_asked_in_turns(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS), streaming(VISITORS, CLICKS))
    platform.engine.start(VISITORS)
    told = set()
    said: Mapping[str, Said] = {}
    for _ in range(2):
        ticks = count(step=15)
        found = look_over(
            platform.warehouse,
            lambda _name: PRINT,
            platform.engine,
            said,
            {},
            NOW,
            NOTHING,
            clock=lambda ticks=ticks: next(ticks),
        )
        jobs = {event.asset_key for event in found.events} - {CLUSTER}
        assert len(jobs) == 1
        told |= jobs
        said = found.said
    assert told == {job_key(VISITS), job_key(VISITORS)}


def test_an_unreachable_jobmanager_says_nothing_of_any_job(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> tuple[()]:
        raise HeadwaterError("The JobManager does not answer", unreachable=True)

    monkeypatch.setattr(platform.engine, "listing", unreachable)
    with pytest.raises(HeadwaterError, match="does not answer"):
        look_at(platform)


def cluster(found: Round) -> list[tuple[bool, str | None]]:
    events = [event for event in found.events if event.asset_key == CLUSTER]
    return [(e.passed, e.description) for e in events if isinstance(e, dg.AssetCheckEvaluation)]


def test_a_job_that_no_model_declares_is_told_once(platform: Platform) -> None:
    first = look_at(platform)
    assert cluster(first) == [(True, "every job is declared")]
    platform.engine.start(VISITORS)
    found = look_at(platform, first, later=15)
    said = "not declared, and left running: dwd.visitors (job-of-dwd.visitors, RUNNING). "
    assert cluster(found) == [(False, said + "headwater apply --stop-undeclared stops them")]
    assert cluster(look_at(platform, found, later=30)) == []


def test_a_job_of_others_is_named_and_no_fault(platform: Platform) -> None:
    platform.engine.foreign = [ForeignJob("x1", "someone's", JobState.RUNNING, "")]
    said = "on the same cluster, not Headwater's, never touched: «someone's» (x1)"
    assert cluster(look_at(platform)) == [(True, said)]


def test_the_cluster_can_be_looked_at_by_hand(platform: Platform) -> None:
    platform.engine.start(VISITORS)
    check = dg.AssetSelection.checks(dg.AssetCheckKey(CLUSTER, "only_declared_jobs"))
    definitions = dg.Definitions.merge(
        platform.definitions(), dg.Definitions(jobs=[dg.define_asset_job("by_hand", check)])
    )
    result = definitions.resolve_job_def("by_hand").execute_in_process(instance=platform.instance)
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed


@pytest.fixture
def healed(platform: Platform) -> Platform:
    """The declaration asks for its job to be started again."""
    model = replace(streaming(VISITS, CLICKS), restart=POLICY)
    platform.warehouse = warehouse(source(CLICKS), model)
    return platform


def test_a_job_that_failed_is_started_again_after_a_pause_and_then_given_up(healed: Platform) -> None:
    found = look_at(healed)
    healed.engine.fail(VISITS)
    told, starts = [], []
    for later in (15, 30, 45, 60, 105, 600, 615):
        found = look_at(healed, found, later=later)
        starts += found.starts
        told += [e.description for e in ours(found) if isinstance(e, dg.AssetObservation)]
    job = f"job-of-{VISITS}"
    assert starts == [Start(VISITS, 1, job), Start(VISITS, 2, job)]
    assert told == [
        "start 1 of 2 by itself at 12:00:45 UTC",
        "start 1 of 2 by itself now",
        "start 2 of 2 by itself at 12:01:45 UTC",
        "start 2 of 2 by itself now",
        "started again by itself 2 times, given up",
    ]
    assert verdicts(look_at(healed, replace(found, said={}), later=630))["job_running"] is False


def test_attempts_are_remembered_in_the_cursor(healed: Platform) -> None:
    attempts = Attempts("j1", NOW, (NOW + timedelta(seconds=30),))
    for said in (Said("y", 1.5, "j0"), Said("n", 2.5, None, attempts)):
        assert Said.from_json(json.loads(json.dumps(said.as_json()))) == said


def test_a_job_is_not_started_twice_at_a_time(healed: Platform) -> None:
    first = look_at(healed)
    healed.engine.fail(VISITS)
    second = look_at(healed, first, later=15)
    busy = look_at(healed, second, later=45, asked=replace(NOTHING, is_starting=lambda name: name == VISITS))
    assert busy.starts == ()
    assert look_at(healed, busy, later=60).starts == (Start(VISITS, 1, f"job-of-{VISITS}"),)


def tick(platform: Platform, cursor: str | None) -> SensorExecutionData:
    context = dg.build_sensor_context(
        instance=platform.instance,
        cursor=cursor,
        resources={STREAM_ENGINE: platform.engine},
        definitions=platform.definitions(),
    )
    return platform.definitions().get_repository_def().get_sensor_def("job_health").evaluate_tick(context)


def test_the_sensor_remembers_what_it_said(platform: Platform) -> None:
    first = tick(platform, None)
    assert first.asset_events
    assert str(VISITS) in json.loads(first.cursor or "")
    assert not tick(platform, first.cursor).asset_events


def test_the_sensor_asks_for_a_run_of_the_job_and_for_no_second_while_it_is_under_way(healed: Platform) -> None:
    visits = healed.warehouse.model(VISITS)
    healed.warehouse = warehouse(source(CLICKS), replace(visits, restart=replace(POLICY, backoff=timedelta(0))))
    job = healed.engine.running[VISITS]
    declared = fingerprint(healed.warehouse.model(VISITS), healed.warehouse.model)
    healed.engine.running[VISITS] = replace(job, fingerprint=declared)
    healed.engine.fail(VISITS)
    data = tick(healed, None)
    (request,) = data.run_requests or []
    assert request.run_key == f"restart-{VISITS}-job-of-{VISITS}-1"
    assert list(request.asset_selection or []) == [job_key(VISITS)]
    assert request.tags[RESTART] == str(VISITS)

    healed.instance.create_run_for_job(
        dg.define_asset_job("j", dg.AssetSelection.assets(job_key(VISITS))).resolve(
            asset_graph=healed.definitions().resolve_asset_graph()
        ),
        status=dg.DagsterRunStatus.STARTED,
        tags=request.tags,
    )
    again = tick(healed, data.cursor)
    assert not again.run_requests
    (told,) = [event for event in again.asset_events if isinstance(event, dg.AssetObservation)]
    assert told.description == "it is being started again by itself"
