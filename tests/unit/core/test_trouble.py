"""What is wrong, in words, and what to do about it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.engines import ActualJob, JobHealth, JobState, RetainedState
from headwater.model import TableName
from headwater.trouble import job_trouble, missing_job, process_trouble

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
NAME = TableName.parse("dwd.things")
JOB = ActualJob("j1", NAME, "f", JobState.RUNNING, NOW - timedelta(hours=1), "")
STATE = RetainedState(NAME, "f", Path("/state/chk-7"), NOW, False, checkpoint=7)
HEALTHY = JobHealth(JobState.RUNNING, 7, None, NOW, 0)


def test_a_job_that_is_not_there_is_told_with_what_it_would_start_from() -> None:
    assert str(missing_job(NAME, None, "", STATE)) == (
        "dwd.things has no job: none was started, or Flink has lost it with a JobManager that was killed\n"
        "  next:  headwater apply starts it from its checkpoint 7 of 2026-11-22 03:04:05 UTC"
    )


def test_a_job_that_flink_gave_up_is_told_with_the_reason() -> None:
    failed = missing_job(NAME, replace(JOB, state=JobState.FAILED), "ArithmeticException: / by zero", None)
    assert failed.what == "has no job: Flink has given up after many attempts: ArithmeticException: / by zero"
    assert failed.next_command == "headwater apply starts it"
    assert missing_job(NAME, replace(JOB, state=JobState.CANCELED), "", None).what == (
        "has no job: it was ended (CANCELED)"
    )


def test_a_job_that_restarts_is_told_with_the_reason() -> None:
    found = job_trouble(JOB, replace(HEALTHY, state=JobState.RESTARTING, restarts=4, failure="E: why"), NOW)
    assert found is not None
    assert found.what == "is RESTARTING after 4 restarts: E: why"


def test_a_checkpoint_that_fails_is_a_trouble_only_when_none_has_succeeded_for_long() -> None:
    failing = replace(HEALTHY, checkpoint_failure="IOException: No space left on device")
    assert job_trouble(JOB, HEALTHY, NOW + timedelta(hours=1)) is None
    assert job_trouble(JOB, failing, NOW + timedelta(seconds=60)) is None
    found = job_trouble(JOB, failing, NOW + timedelta(seconds=61))
    assert found is not None
    assert found.what == (
        "runs, but completes no checkpoint, so its rows are not committed: IOException: No space left on device"
    )
    assert job_trouble(JOB, replace(failing, last_checkpoint_at=None), NOW) is not None


def test_a_checkpoint_of_a_time_to_come_excuses_none_that_fail_now() -> None:
    failing = replace(HEALTHY, checkpoint_failure="IOException", last_checkpoint_at=NOW + timedelta(hours=2))
    assert job_trouble(JOB, failing, NOW) is not None


def test_a_process_that_does_not_run_is_told_with_its_log() -> None:
    assert process_trouble("kafka", "RUNNING", 3) is None
    assert process_trouble("kafka", "STARTING", 3) is None
    assert str(process_trouble("kafka", "BACKOFF", 3)) == (
        "kafka is BACKOFF: it ends again and again (3 restarts), and is tried again with growing pauses\n"
        "  next:  headwater logs kafka"
    )
    fatal = process_trouble("kafka", "FATAL", 100)
    assert fatal is not None
    assert fatal.next_command == "headwater logs kafka; then headwater down and headwater up"
