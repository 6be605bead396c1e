"""What is judged of a job, and said."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headwater.engines import JobState, TaskLoad
from headwater.health.verdicts import Check, Verdict, judge
from headwater.model import JobOptions
from tests.unit.compile.declared import THINGS
from tests.unit.health.watch import HEALTHY, Watch, actual, ago, retained, running

POISON = (Path(__file__).parents[1] / "flink" / "traces" / "failures" / "not_a_number.txt").read_text()
UNREADABLE = (
    "A record holds a value that cannot be converted (For input string: 'poison'. Invalid character found.); "
    "the job fails at it again and again"
)


def verdict(check: Check, watch: Watch, healing: str = "") -> Verdict:
    return next(found for found in judge(watch.look(), healing) if found.check is check)


def outcomes(verdicts: Sequence[Verdict]) -> dict[str, bool]:
    return {found.check.value: found.passed for found in verdicts}


def failing(*seconds: float, state: JobState = JobState.RUNNING, since: float = 600, trace: str = POISON) -> Watch:
    """A job that failed so many seconds ago."""
    times = tuple(ago(second) for second in seconds)
    return running(state=state, since=ago(since), restarts=len(times), failed_at=times, trace=trace, failure="x: y")


def test_a_healthy_job_passes_all_checks() -> None:
    found = judge(running().look())
    assert outcomes(found) == dict.fromkeys(
        ("job_running", "checkpoint_recent", "job_as_declared", "job_keeps_up"), True
    )
    assert [v.reason for v in found] == [
        "RUNNING",
        "1 s since the newest checkpoint",
        "it runs declared0000, as declared",
        "it keeps up",
    ]
    assert not any(v.next_command for v in found)


def test_a_job_that_fails_again_and_again_is_not_running_whatever_its_state_is() -> None:
    found = verdict(Check.RUNNING, failing(5, 20, 30, since=3))
    assert not found.passed
    assert found.reason == f"RUNNING, failed 3 times within the last 30 s; cause: {UNREADABLE}"
    assert found.next_command == "write TRY_CAST where the SQL of dwd.things has CAST, then headwater apply"
    assert found.is_error


@pytest.mark.parametrize(
    ("watch", "passed"),
    [
        (failing(5, state=JobState.RESTARTING, since=5), True),  # once is no trouble
        (failing(5, 15, 25, state=JobState.RESTARTING, since=5), False),
        (failing(70, state=JobState.RESTARTING, since=61), False),  # it does not come back
        (failing(119, 130, 140), False),
        (failing(121, 130, 140), True),  # it has been quiet for two minutes
        (failing(10, 700, 800), True),  # the others are long ago
        (running(state=JobState.CREATED, since=ago(10)), True),
        (running(state=JobState.CREATED, since=ago(61)), False),
    ],
)
def test_a_restart_is_no_trouble_but_many_in_a_short_time_are(watch: Watch, passed: bool) -> None:
    assert verdict(Check.RUNNING, watch).passed is passed


def test_a_job_that_has_recovered_still_says_what_was() -> None:
    found = verdict(Check.RUNNING, failing(300, 310))
    assert found.reason == f"RUNNING, failed 2 times within the last 5 min; last failure: {UNREADABLE}"
    assert verdict(Check.RUNNING, failing(4000)).reason.startswith(
        "RUNNING, restarted once since it was submitted; last"
    )


def test_a_job_that_waits_for_a_slot_says_so() -> None:
    found = verdict(Check.RUNNING, running(state=JobState.CREATED, since=ago(61)))
    assert found.reason == (
        "CREATED, for 61 s; cause: No task slot is free: all jobs together need more than Flink has"
    )


def test_an_unknown_cause_is_told_in_flinks_words() -> None:
    found = verdict(Check.RUNNING, failing(1, 2, 3, trace="a.b.X: odd"))
    assert found.reason.endswith("; cause: x: y")
    assert found.next_command == "headwater logs jobmanager"


@pytest.mark.parametrize(
    ("watch", "reason", "command"),
    [
        (Watch(), "Flink has no job of dwd.things", "headwater apply --model dwd.things"),
        (
            Watch(ended=(actual(JobState.CANCELED),)),
            "Flink has no job of dwd.things: it was cancelled",
            "headwater apply --model dwd.things",
        ),
        (
            Watch(ended=(actual(JobState.FINISHED),)),
            "Flink has no job of dwd.things: it was stopped",
            "headwater apply --model dwd.things",
        ),
        (
            Watch(ended=(actual(JobState.FAILED),), answer=replace(HEALTHY, trace=POISON, failure="x")),
            f"FAILED: {UNREADABLE}",
            "write TRY_CAST where the SQL of dwd.things has CAST, then headwater apply; "
            "then headwater apply --model dwd.things",
        ),
        (
            Watch(ended=(actual(JobState.FAILED),)),
            "FAILED: Flink gives no reason",
            "headwater logs jobmanager; then headwater apply --model dwd.things",
        ),
    ],
)
def test_a_job_that_is_not_there_says_how_it_ended(watch: Watch, reason: str, command: str) -> None:
    found = judge(watch.look())
    assert set(outcomes(found).values()) == {False}
    assert (found[0].reason, found[0].next_command) == (reason, command)
    assert found[1].reason == "Flink has no job of dwd.things"


def test_what_is_done_by_itself_is_part_of_the_reason() -> None:
    assert verdict(Check.RUNNING, Watch(), "given up").reason == "Flink has no job of dwd.things; given up"
    assert verdict(Check.RUNNING, running(), "started again once").reason == "RUNNING; started again once"


@pytest.mark.parametrize(("age", "passed"), [(60, True), (61, False)])
def test_a_checkpoint_is_overdue_after_a_minute(age: float, passed: bool) -> None:
    assert verdict(Check.CHECKPOINT, running(last_checkpoint_at=ago(age))).passed is passed


@pytest.mark.parametrize(("age", "passed"), [(100, True), (101, False)])
def test_a_slower_checkpoint_interval_gives_more_patience(age: float, passed: bool) -> None:
    slow = replace(THINGS, job=JobOptions(checkpoint_interval=timedelta(seconds=10)))
    look = running(last_checkpoint_at=ago(age)).look(model=slow)
    assert judge(look)[1].passed is passed


def test_a_job_without_a_checkpoint_has_a_minute_for_its_first() -> None:
    found = verdict(Check.CHECKPOINT, running(last_checkpoint_at=None, checkpoints_completed=0))
    assert (found.passed, found.reason) == (False, "3600 s since the start, and no checkpoint yet")


@pytest.mark.parametrize(("count", "passed"), [(2, True), (3, False)])
def test_checkpoints_that_fail_in_a_row_are_told_with_the_reason(count: int, passed: bool) -> None:
    found = verdict(
        Check.CHECKPOINT,
        running(checkpoints_failed=count, checkpoint_failure="Checkpoint expired before completing."),
    )
    assert found.passed is passed
    assert f"; {count} times in a row it failed: Checkpoints take longer than they may" in found.reason
    assert bool(found.next_command) is not passed
    assert not found.is_error


def test_a_job_of_another_version_than_declared_is_told_with_both() -> None:
    watch = Watch((actual(fingerprint="other0000000"),))
    found = verdict(Check.DECLARED, watch)
    assert not found.passed
    assert found.reason.startswith("it runs other0000000, declared is declared0000")
    assert "headwater plan" in found.next_command


def test_a_job_that_started_from_the_wrong_place_is_not_as_declared() -> None:
    watch = running()
    watch.states = [retained("/state/savepoint-2", 7000)]
    found = verdict(Check.DECLARED, watch)
    assert (found.passed, found.next_command) == (False, "headwater savepoints dwd.things lists its states")
    assert found.reason.startswith("it started without state, though there was savepoint-2")


def test_a_job_that_does_not_keep_up_says_who_holds_it_up() -> None:
    held = (TaskLoad("Source: orders[1]", 90_000, 0, 10_000), TaskLoad("Writer : things", 0, 99_000, 1_000))
    found = verdict(Check.KEEPS_UP, running(tasks=held, since=ago(100)))
    assert not found.passed
    assert "by «Writer : things», which was busy 99%" in found.reason
    assert "job.parallelism" in found.next_command


def test_how_much_waits_is_said_of_a_job_that_keeps_up() -> None:
    found = verdict(Check.KEEPS_UP, running(tasks=(TaskLoad("Source: orders[1]", 0, 0, 1, 1, 1234),)))
    assert (found.passed, found.reason) == (True, "it keeps up; 1,234 records wait")
