"""What `/healthz` calls dead, and what it does not."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.engines import JobState
from headwater.health.verdicts import Check, Verdict
from resources.watch.health import RECENT, troubles
from resources.watch.picture import Daemon, DagsterPicture, Picture, Tick
from tests.unit.assets.declared import VISITS
from tests.unit.watch.pictures import (
    DAEMON,
    DAGSTER,
    NOW,
    PROMISE,
    SCHEDULE,
    SENSOR,
    WELL,
    ago,
    ended,
    job,
    lag,
    process,
    with_dagster,
    with_jobs,
    with_process,
)

FAILING = Verdict(Check.RUNNING, False, "RESTARTING, failed 4 times within the last 20 s", "headwater logs jobmanager")
SLOW = Verdict(Check.KEEPS_UP, False, "12 records wait", "more parallelism")


def told(picture: Picture | None) -> list[str]:
    return [f"{trouble.subject} {trouble.what}" for trouble in troubles(picture, NOW)]


def test_all_is_well() -> None:
    assert told(WELL) == []


def test_before_the_first_look_nothing_is_well() -> None:
    assert told(None) == ["watch has not looked yet"]


def test_a_watch_that_does_not_look_any_more_is_told_of() -> None:
    late = NOW + RECENT + timedelta(seconds=5)
    (trouble,) = (found for found in troubles(WELL, late) if found.subject == "watch")
    assert (trouble.what, trouble.next_command) == ("last looked 65 s ago", "headwater logs watch")


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (
            with_process(process("dagster-daemon", "FATAL")),
            "dagster-daemon is FATAL: it has ended too often and was given up",
        ),
        (with_process(process("kafka", "STARTING")), "kafka is STARTING"),
        (
            replace(WELL, status=replace(WELL.status, processes=())),
            "supervisor does not answer: no process of the stack is looked after",
        ),
        (
            replace(WELL, status=replace(WELL.status, unreachable="nobody answers")),
            "Flink cannot be asked: nobody answers",
        ),
        (with_jobs(job(VISITS, FAILING, state=JobState.RESTARTING)), f"{VISITS} {FAILING.reason}"),
        (
            with_jobs(job(VISITS, Verdict(Check.RUNNING, False, "Flink has no job of it"), state=None)),
            f"{VISITS} Flink has no job of it",
        ),
        (
            replace(WELL, declarations="2 problems in the warehouse:\nlong"),
            "declarations cannot be read: 2 problems in the warehouse:",
        ),
        (with_dagster(DagsterPicture(unreachable="refused", at=NOW)), "Dagster cannot be asked: refused"),
        (
            with_dagster(replace(DAGSTER, definitions_error="NameError: x")),
            "definitions do not load: NameError: x",
        ),
        (
            with_dagster(replace(DAGSTER, daemons=(replace(DAEMON, healthy=False, error="disk full"),))),
            f"daemon SENSOR is not healthy: last heartbeat {DAEMON.last_heartbeat:%Y-%m-%d %H:%M:%S} UTC; disk full",
        ),
        (
            with_dagster(replace(DAGSTER, daemons=(replace(DAEMON, last_heartbeat=ago(400)),))),
            f"daemon SENSOR is not healthy: last heartbeat {ago(400):%Y-%m-%d %H:%M:%S} UTC",
        ),
        (
            with_dagster(replace(DAGSTER, daemons=(Daemon("SCHEDULER", healthy=False, required=True),))),
            "daemon SCHEDULER is not healthy: never ran",
        ),
        (
            with_dagster(replace(DAGSTER, instigators=(replace(SENSOR, last_tick=Tick(ago(8), "FAILURE", "boom")),))),
            "sensor snapshots fails: boom",
        ),
        (
            with_dagster(replace(DAGSTER, instigators=(replace(SENSOR, last_tick=Tick(ago(400), "SKIPPED")),))),
            f"sensor snapshots has not ticked since {ago(400):%Y-%m-%d %H:%M:%S} UTC",
        ),
        (
            with_dagster(replace(DAGSTER, instigators=(replace(SENSOR, last_tick=None),))),
            "sensor snapshots has not ticked yet",
        ),
    ],
    # Two processes that collect the same tests do so at two times.
    ids=lambda value: re.sub(r"\d+-\d+-\d+ [\d:]+ UTC", "then", value) if isinstance(value, str) else "",
)
def test_what_is_dead_is_told_of_in_words(picture: Picture, said: str) -> None:
    assert told(picture) == [said]


@pytest.mark.parametrize(
    "picture",
    [
        with_jobs(job(VISITS, SLOW)),
        with_jobs(job(VISITS, Verdict(Check.RUNNING, True, "RESTARTING"), state=JobState.RESTARTING)),
        replace(WELL, lags=(replace(lag(VISITS, age=9000), promise=PROMISE),)),
        with_dagster(replace(DAGSTER, runs=(ended(1, "FAILURE"),))),
        with_dagster(
            replace(DAGSTER, instigators=(replace(SENSOR, running=False, last_tick=Tick(ago(9e5), "FAILURE")),))
        ),
        with_dagster(replace(DAGSTER, instigators=(SCHEDULE,))),
        with_dagster(DagsterPicture()),
    ],
    ids=(
        "a job that is slow",
        "a job that restarts once",
        "a table that is stale",
        "a run that failed",
        "a sensor that is switched off",
        "a schedule whose hour has not come",
        "a stack without Dagster",
    ),
)
def test_what_is_not_dead_is_left_to_alerts(picture: Picture) -> None:
    assert told(picture) == []


def test_a_sensor_is_not_overdue_while_its_daemon_has_only_just_started() -> None:
    started = replace(process("dagster-daemon"), uptime=20.0)
    old = replace(DAGSTER, instigators=(replace(SENSOR, last_tick=Tick(ago(40_000), "SKIPPED")),))
    assert told(replace(with_process(started), dagster=old)) == []
