"""What a picture of the stack comes to."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from headwater.alerts.condition import Condition, Kind, Severity
from headwater.health.verdicts import Check
from headwater.stack import Ports, Stack
from resources.alerting.dagster import settled_runs
from resources.alerting.facts import blind, conditions
from resources.watch.picture import Check as DeclaredCheck
from resources.watch.picture import Daemon, DagsterPicture, Instigator, InstigatorKind, Picture, Run, Tick
from tests.unit.alerting.pictures import DECLARED, GOOD, NOW, failing, lag, picture
from tests.unit.compile.declared import COUNTS, THINGS

STACK = Stack(Path("/nowhere"), Path("/nowhere"), Ports())


def found(seen: Picture) -> dict[str, Condition]:
    return {each.key: each for each in conditions(seen, STACK, DECLARED)}


def causes(seen: Picture) -> dict[str, str]:
    return {key: each.cause for key, each in found(seen).items()}


def run(number: str, **changes: object) -> Run:
    return replace(Run(number, "__ASSET_JOB", "FAILURE", NOW, assets=("rpt/daily",), error="no room"), **changes)  # type: ignore[arg-type]


def test_nothing_is_wrong_with_a_good_picture():
    assert found(GOOD) == {}
    assert blind(GOOD) == frozenset()


def test_a_late_table_names_promise_reality_hop_owner_and_what_depends_on_it():
    late = found(picture(lags=(lag(THINGS, 720), lag(COUNTS))))["freshness:dwd.things"]
    assert late.words == "dwd.things is stale: its sources have data for 12 min 00 s that it lacks"
    assert (late.promise, late.reality) == (
        "at most 2 min 00 s behind, warned of beyond 30 s",
        "12 min 00 s behind",
    )
    assert late.hop == "ods.left → dwd.things, read: 12 min 00 s of it, 5,300 waiting"
    assert (late.owner, late.affects) == ("things-team", ("dm.counts",))
    assert late.url == "http://127.0.0.1:3000/assets/dwd/things"
    assert late.since == NOW - timedelta(minutes=10)
    assert late.severity is Severity.ERROR
    assert "headwater status" in late.next_command


def test_a_lag_taken_at_its_worst_says_so_and_not_when_it_began():
    late = found(picture(lags=(lag(THINGS, 720, unmeasured="no checkpoint yet"),)))["freshness:dwd.things"]
    assert late.reality == "12 min 00 s behind; not all could be measured: no checkpoint yet"
    assert late.since == NOW


def test_beyond_the_warning_a_table_is_a_warning():
    assert found(picture(lags=(lag(THINGS, 40),)))["freshness:dwd.things"].severity is Severity.WARNING


def test_a_table_downstream_counts_to_the_table_whose_job_eats_the_time():
    seen = picture(jobs=(failing(),), lags=(lag(THINGS, 300), lag(COUNTS, 300, THINGS.name)))
    assert causes(seen) == dict.fromkeys(
        ("job:dwd.things", "freshness:dwd.things", "freshness:dm.counts"), "table:dwd.things"
    )


def test_a_process_that_is_down_explains_jobs_and_tables():
    seen = picture(down="taskmanager", jobs=(failing(), failing(COUNTS)), lags=(lag(THINGS, 300), lag(COUNTS, 300)))
    assert set(causes(seen).values()) == {"process:taskmanager"}


def test_a_dead_jobmanager_explains_that_flink_cannot_be_asked_and_what_it_hides_is_not_over():
    seen = picture(down="jobmanager", unreachable="connection refused", jobs=())
    assert causes(seen) == dict.fromkeys(("process:jobmanager", "unreachable:flink"), "process:jobmanager")
    assert blind(seen) == {Kind.JOB, Kind.DRIFT}


def test_a_broker_that_hangs_explains_every_table():
    words = "Kafka at 127.0.0.1:9092 failed at listing the topics: timed out"
    seen = picture(lags=(lag(THINGS, 300, unmeasured=words), lag(COUNTS, 300, unmeasured=words)))
    assert set(causes(seen).values()) == {"unreachable:kafka"}


def test_all_of_flink_ill_for_no_known_reason_is_one_cause():
    seen = picture(lags=(lag(THINGS, 300), lag(COUNTS, 300)))
    assert set(causes(seen).values()) == {"cluster:flink"}


def test_a_job_that_does_not_keep_up_is_told_of_only_by_its_table():
    assert found(picture(jobs=(failing(check=Check.KEEPS_UP),))) == {}


def test_checkpoints_that_fail_are_a_warning_and_another_version_a_drift():
    assert found(picture(jobs=(failing(check=Check.CHECKPOINT),)))["job:dwd.things"].severity is Severity.WARNING
    assert set(found(picture(jobs=(failing(check=Check.DECLARED),)))) == {"drift:dwd.things"}


def test_what_could_not_be_measured_is_not_over():
    unmeasured = replace(lag(THINGS, unmeasured="no checkpoint yet"), watermark_lag=None)
    assert blind(picture(lags=(unmeasured,))) == {"freshness:dwd.things"}
    assert blind(picture(lags=())) == {Kind.FRESHNESS}


def test_a_dead_supervisor_is_told_of():
    seen = replace(GOOD, status=replace(GOOD.status, processes=()))
    assert set(found(seen)) == {"process:supervisor"}
    assert Kind.PROCESS in blind(seen)


def test_a_dead_supervisor_explains_what_died_with_it():
    seen = replace(
        GOOD,
        status=replace(GOOD.status, processes=(), unreachable="connection refused", jobs=()),
        lags=(lag(THINGS, 300, unmeasured="Kafka at 127.0.0.1:9092 failed at listing the topics: refused"),),
        dagster=DagsterPicture(unreachable="connection refused", at=NOW),
    )
    assert len(found(seen)) == 5
    assert set(causes(seen).values()) == {"process:supervisor"}


def test_a_dead_daemon_explains_its_sensors_and_is_explained_by_its_process():
    sensor = Instigator(
        "job_health", InstigatorKind.SENSOR, True, Tick(NOW - timedelta(hours=1), "SKIPPED"), timedelta(seconds=15)
    )
    # Dagster itself still calls them healthy.
    daemons = tuple(Daemon(name, True, True, NOW - timedelta(minutes=4)) for name in ("SENSOR", "SCHEDULER"))
    dead = DagsterPicture(daemons=daemons, instigators=(sensor,), at=NOW)
    assert causes(picture(dagster=dead)) == dict.fromkeys(
        ("daemon:SENSOR", "daemon:SCHEDULER", "sensor:job_health"), "daemon:dagster"
    )
    assert set(causes(picture(dagster=dead, down="dagster-daemon")).values()) == {"process:dagster-daemon"}


def test_a_sensor_is_told_of_when_it_fails_and_when_it_falls_silent_but_not_when_it_is_off_or_slow():
    tick = Tick(NOW - timedelta(seconds=100), "SKIPPED")
    fine = Instigator("s", InstigatorKind.SENSOR, True, tick, timedelta(seconds=15))
    failed = replace(fine, last_tick=Tick(NOW, "FAILURE", "boom\n at line 3"))
    for instigator, words in (
        (fine, None),
        (failed, "the sensor s fails: boom at line 3"),
        (replace(failed, running=False), None),
        (
            replace(fine, last_tick=Tick(NOW - timedelta(minutes=9), "SKIPPED")),
            "the sensor s has not been evaluated for 9 min 00 s",
        ),
        (
            replace(
                fine, interval=None, kind=InstigatorKind.SCHEDULE, last_tick=Tick(NOW - timedelta(days=1), "SUCCESS")
            ),
            None,
        ),
    ):
        seen = found(picture(dagster=DagsterPicture(instigators=(instigator,), at=NOW)))
        assert [each.words for each in seen.values()] == ([words] if words else [])


def test_failed_runs_of_one_backfill_are_one_and_so_are_runs_that_fail_for_one_reason():
    runs = (
        *(run(f"b{number}", backfill="abc", partition=f"2026-11-{number}") for number in (10, 11, 12)),
        run("1", error="run 0af3c2d19 lost 5 rows"),
        run("2", assets=("rpt/other",), error="run 1bc9e8f77 lost 17 rows"),
    )
    seen = found(picture(dagster=DagsterPicture(runs=runs, at=NOW)))
    assert set(seen) == {"backfill:abc", "run:rpt/daily", "run:rpt/other"}
    assert seen["backfill:abc"].words == "backfill abc of rpt/daily: 3 runs failed, the newest at 2026-11-10: no room"
    assert len({each.cause for each in seen.values()}) == 2


def test_a_failed_run_whose_work_a_later_one_has_done_is_settled():
    later, earlier = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)
    for good, settled in (
        (run("2", status="SUCCESS", ended_at=later), ("1",)),
        (run("2", status="SUCCESS", ended_at=earlier), ()),
        (run("2", status="SUCCESS", ended_at=later, partition="x"), ()),
        (run("2", status="FAILURE", ended_at=later), ()),
    ):
        assert settled_runs(DagsterPicture(runs=(run("1"),), ended=(run("1"), good), at=NOW)) == settled


def test_checks_of_one_table_are_one():
    checks = (
        DeclaredCheck("dwd/things", "not_null", "WARN", False, NOW, "3 rows"),
        DeclaredCheck("dwd/things", "no_negatives", "ERROR", False, NOW - timedelta(minutes=5)),
    )
    fresh = DeclaredCheck("dwd/things", "fresh", "ERROR", False, NOW, "its lag says so, too")
    (check,) = found(picture(dagster=DagsterPicture(checks=(*checks, fresh), at=NOW))).values()
    assert check.words == "dwd.things: checks fail: not_null (3 rows); no_negatives (failed)"
    assert (check.severity, check.since) == (Severity.ERROR, NOW - timedelta(minutes=5))
    assert (check.owner, check.affects) == ("things-team", ("dm.counts",))


def test_checks_that_fail_downstream_of_one_that_fails_are_of_its_cause():
    checks = tuple(DeclaredCheck(asset, "not_null", "WARN", False, NOW) for asset in ("dm/counts", "dwd/things"))
    seen = picture(dagster=DagsterPicture(checks=checks, at=NOW))
    assert causes(seen) == dict.fromkeys(("check:dm.counts", "check:dwd.things"), "check:dwd.things")


def test_jobs_that_are_all_another_version_than_declared_are_one():
    drifts = (failing(check=Check.DECLARED), failing(COUNTS, Check.DECLARED))
    assert set(causes(picture(jobs=drifts)).values()) == {"drift:declarations"}


def test_a_dagster_that_does_not_answer_hides_what_it_knows():
    seen = picture(dagster=DagsterPicture(unreachable="timed out", at=NOW))
    assert causes(seen) == {"unreachable:dagster": "unreachable:dagster"}
    assert {Kind.RUN, Kind.SENSOR, Kind.CHECK, Kind.DAEMON} <= blind(seen)
    assert causes(picture(dagster=DagsterPicture(unreachable="x", at=NOW), down="dagster-webserver")) == dict.fromkeys(
        ("process:dagster-webserver", "unreachable:dagster"), "process:dagster-webserver"
    )
