"""What the JobManager says, in the core's words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.engines import JobState
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink.jobmanager import JobManager, NotExecuting
from tests.unit.flink.conftest import Answers

TRACES = Path(__file__).parent / "traces"


def listed(name: str, state: str = "RUNNING", start: int = 0, jid: str = "j1") -> dict[str, Any]:
    return {"jid": jid, "name": name, "state": state, "start-time": start}


def test_only_living_jobs_of_models_are_ours_newest_first(flink: Answers) -> None:
    flink.on(
        "GET /jobs/overview",
        {
            "jobs": [
                listed("dwd.orders@abc", start=1000, jid="a"),
                listed("dwd.other@def-2", "RESTARTING", 2000, "b"),
                listed("dwd.gone@abc", "FINISHED"),
                listed("dwd.gone@abc", "FAILED"),
                listed("insert-into_lake.dwd.orders"),
                listed("someone@else"),
            ]
        },
    )
    newest, oldest = JobManager(flink.url).jobs()
    assert (newest.id, newest.model, newest.fingerprint, newest.state) == (
        "b",
        TableName.parse("dwd.other"),
        "def",
        JobState.RESTARTING,
    )
    assert oldest.started_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert oldest.url == f"{flink.url}/#/job/running/a/overview"


@pytest.fixture
def one_job(flink: Answers) -> Answers:
    flink.on("GET /jobs/j1/metrics?get=numRestarts", [{"id": "numRestarts", "value": "2"}])
    flink.on(
        "GET /jobs/j1/exceptions?maxExceptions=1",
        {"exceptionHistory": {"entries": [{"stacktrace": "a.b.Outer: x\n\tat y\nCaused by: c.Inner: why\n\tat z"}]}},
    )
    return flink


def test_a_jobs_health_is_put_together(one_job: Answers) -> None:
    one_job.on(
        "GET /jobs/j1",
        {"state": "RUNNING", "vertices": [{"id": "v1", "name": "WindowAggregate"}, {"id": "v2", "name": "Source"}]},
    )
    one_job.on(
        "GET /jobs/j1/checkpoints",
        {
            "counts": {"completed": 3},
            "latest": {"completed": {"latest_ack_timestamp": 5000}, "restored": {"external_path": "file:/sp"}},
        },
    )
    metric = "0.WindowAggregate.numLateRecordsDropped"
    one_job.on("GET /jobs/j1/vertices/v1/metrics", [{"id": metric}, {"id": "0.other"}])
    one_job.on(f"GET /jobs/j1/vertices/v1/metrics?get={metric}", [{"id": metric, "value": "4"}])
    health = JobManager(one_job.url).health("j1")
    assert health.state is JobState.RUNNING
    assert health.checkpoints_completed == 3
    assert health.restored_from == "file:/sp"
    assert health.last_checkpoint_at == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert (health.restarts, health.failure, health.late_dropped) == (2, "Inner: why", 4)


def test_a_job_without_checkpoints_and_metrics_has_a_health_too(flink: Answers) -> None:
    flink.on("GET /jobs/j1", {"state": "INITIALIZING", "vertices": []})
    flink.on("GET /jobs/j1/checkpoints", {"counts": {}, "latest": {"completed": None, "restored": None}})
    flink.on("GET /jobs/j1/metrics?get=numRestarts", [])
    flink.on("GET /jobs/j1/exceptions?maxExceptions=1", {"exceptionHistory": {"entries": []}})
    health = JobManager(flink.url).health("j1")
    assert (health.checkpoints_completed, health.restored_from, health.last_checkpoint_at) == (0, None, None)
    assert health.failure == ""


def test_a_job_that_failed_before_it_had_a_history_says_why_in_its_result(flink: Answers) -> None:
    flink.on("GET /jobs/j1", {"state": "FAILED", "vertices": []})
    flink.on("GET /jobs/j1/checkpoints", {"counts": {}, "latest": {}})
    flink.on("GET /jobs/j1/metrics?get=numRestarts", [])
    flink.on("GET /jobs/j1/exceptions?maxExceptions=1", {"exceptionHistory": {"entries": []}})
    trace = "java.util.concurrent.CompletionException: x\n\tat y\nCaused by: java.io.EOFException\n\tat z"
    result = {"job-execution-result": {"failure-cause": {"class": "x", "stack-trace": trace}}}
    flink.on("GET /jobs/j1/execution-result", result)
    assert JobManager(flink.url).health("j1").failure == "java.io.EOFException"


@pytest.mark.parametrize(("completed", "said"), [(3, "IOException: No space left on device"), (5, "")])
def test_a_checkpoint_that_failed_last_says_why(one_job: Answers, completed: int, said: str) -> None:
    one_job.on("GET /jobs/j1", {"state": "RUNNING", "vertices": []})
    failure = "o.a.f.CheckpointException: x\nCaused by: java.io.IOException: No space left on device\n\tat z"
    latest = {"completed": {"id": completed}, "failed": {"id": 4, "failure_message": failure}}
    one_job.on("GET /jobs/j1/checkpoints", {"counts": {}, "latest": latest})
    assert JobManager(one_job.url).health("j1").checkpoint_failure == said


def test_the_newest_job_that_ended_is_remembered_of_each_model(flink: Answers) -> None:
    jobs = [listed("dwd.a@f", "CANCELED", 2, "a2"), listed("dwd.a@f", "FAILED", 3, "a3"), listed("dwd.b@f")]
    flink.on("GET /jobs/overview", {"jobs": jobs})
    manager = JobManager(flink.url)
    assert {str(model): job.id for model, job in manager.ended().items()} == {"dwd.a": "a3"}
    assert manager.knows("a2")
    assert not manager.knows("a9")


def test_a_job_that_is_being_stopped_already_is_told_from_one_that_makes_no_savepoint(flink: Answers) -> None:
    flink.on("POST /jobs/j1/stop", {"request-id": "r1"}, status=202)
    cause = {"stack-trace": "o.a.f.CheckpointException: The Flink job is currently not executing."}
    flink.on("GET /jobs/j1/savepoints/r1", {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}})
    with pytest.raises(NotExecuting):
        JobManager(flink.url).stop_with_savepoint("j1", Path("/folder"))


def test_a_savepoint_is_awaited_and_its_path_given(flink: Answers) -> None:
    flink.on("POST /jobs/j1/stop", {"request-id": "r1"}, status=202)
    done = {"status": {"id": "COMPLETED"}, "operation": {"location": "file:/a folder/savepoint-1"}}
    flink.on("GET /jobs/j1/savepoints/r1", {"status": {"id": "IN_PROGRESS"}}, done)
    assert JobManager(flink.url).stop_with_savepoint("j1", Path("/a folder")) == Path("/a folder/savepoint-1")
    assert flink.bodies[0] == {"targetDirectory": "file:///a folder", "drain": False}


def test_a_savepoint_that_fails_is_told_with_its_cause(flink: Answers) -> None:
    flink.on("POST /jobs/j1/stop", {"request-id": "r1"}, status=202)
    cause = {"stack-trace": (TRACES / "savepoint.txt").read_text()}
    flink.on("GET /jobs/j1/savepoints/r1", {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}})
    with pytest.raises(HeadwaterError) as raised:
        JobManager(flink.url).stop_with_savepoint("j1", Path("/proc/nowhere"))
    assert raised.value.failed == (
        "Flink made no savepoint of job j1: IOException: Failed to create savepoint directory at file:/proc/nowhere"
    )
    assert raised.value.left == "the job's newest checkpoint; the job may still be running"
    assert raised.value.next_command == "headwater status, then headwater apply"


def test_a_job_is_cancelled_and_slots_are_counted(flink: Answers) -> None:
    flink.on("PATCH /jobs/j1?mode=cancel", {}, status=202)
    flink.on("GET /overview", {"slots-available": 3, "slots-total": 16})
    manager = JobManager(flink.url)
    manager.cancel("j1")
    assert manager.slots() == (3, 16)
