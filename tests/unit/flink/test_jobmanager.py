"""What the JobManager says, in the core's words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.engines import JobState, SavepointLost
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink import jobmanager
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


def test_all_that_is_listed_is_told_apart_and_a_trial_is_nobodys(flink: Answers) -> None:
    flink.on(
        "GET /jobs/overview",
        {
            "jobs": [
                listed("dwd.orders@abc", start=3000, jid="a"),
                listed("dwd.gone@abc", "FINISHED", 1000, "b"),
                listed("dwd.gone@abc", "FAILED", 2000, "c"),
                listed("insert-into_lake.dwd.orders", jid="d"),
                listed("someone@else", "RESTARTING", jid="e"),
                listed("over", "CANCELED", jid="f"),
                listed("trial of dwd.orders", jid="g"),
            ]
        },
    )
    listing = JobManager(flink.url).listing()
    assert [job.id for job in listing.alive] == ["a"]
    assert [(job.id, job.state) for job in listing.ended] == [("c", JobState.FAILED), ("b", JobState.FINISHED)]
    assert [(job.name, job.state) for job in listing.foreign] == [
        ("insert-into_lake.dwd.orders", JobState.RUNNING),
        ("someone@else", JobState.RESTARTING),
    ]
    assert listing.foreign[0].url == f"{flink.url}/#/job/running/d/overview"


def test_a_parameter_of_a_job_is_read_from_its_configuration(flink: Answers) -> None:
    flink.on("GET /jobs/j1/config", {"execution-config": {"user-config": {"a": "b"}}})
    manager = JobManager(flink.url)
    assert (manager.parameter("j1", "a"), manager.parameter("j1", "c")) == ("b", None)


def runs(flink: Answers, *times: int, state: str = "RUNNING") -> None:
    """The job runs since then, at one look after the other."""
    flink.on("GET /jobs/j1", *({"state": state, "timestamps": {"RUNNING": time}} for time in times))


def test_a_job_that_has_come_since_the_start_is_known_whatever_became_of_it(flink: Answers) -> None:
    flink.on("GET /jobs/overview", {"jobs": [listed("dwd.a@f", "CANCELED", 2, "a2"), listed("dwd.b@f")]})
    manager = JobManager(flink.url)
    assert manager.knows("a2")
    assert not manager.knows("a9")


def test_a_job_that_is_being_stopped_already_is_told_from_one_that_makes_no_savepoint(flink: Answers) -> None:
    runs(flink, 1)
    flink.on("POST /jobs/j1/stop", {"request-id": "r1"}, status=202)
    cause = {"stack-trace": "o.a.f.CheckpointException: The Flink job is currently not executing."}
    flink.on("GET /jobs/j1/savepoints/r1", {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": cause}})
    with pytest.raises(NotExecuting):
        JobManager(flink.url).stop_with_savepoint("j1", Path("/folder"))


def test_a_savepoint_is_awaited_and_its_path_given(flink: Answers) -> None:
    runs(flink, 1)
    flink.on("POST /jobs/j1/stop", {"request-id": "r1"}, status=202)
    done = {"status": {"id": "COMPLETED"}, "operation": {"location": "file:/a folder/savepoint-1"}}
    flink.on("GET /jobs/j1/savepoints/r1", {"status": {"id": "IN_PROGRESS"}}, done)
    assert JobManager(flink.url).stop_with_savepoint("j1", Path("/a folder")) == Path("/a folder/savepoint-1")
    assert flink.bodies[1] == {"targetDirectory": "file:///a folder", "drain": False}


def test_a_savepoint_that_fails_is_told_with_its_cause(flink: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobmanager, "_UNDISTURBED_SECONDS", 0)
    runs(flink, 1)
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


@pytest.mark.parametrize("operation", [None, {"failure-cause": {"stack-trace": "a.B: no"}}])
@pytest.mark.parametrize(
    "then",
    [
        {"state": "RUNNING", "timestamps": {"RUNNING": 2}},  # it has started again
        {"state": "RESTARTING", "timestamps": {"RUNNING": 1}},
        {"state": "RUNNING", "timestamps": {"RUNNING": 1}, "vertices": [{"status": "RUNNING"}, {"status": "FAILED"}]},
    ],
)
def test_a_savepoint_of_a_job_that_fails_meanwhile_is_not_waited_for(
    flink: Answers, monkeypatch: pytest.MonkeyPatch, operation: dict[str, Any] | None, then: dict[str, Any]
) -> None:
    monkeypatch.setattr(jobmanager, "_UNDISTURBED_SECONDS", 0)
    flink.on("GET /jobs/j1", {"state": "RUNNING", "timestamps": {"RUNNING": 1}, "vertices": []}, then)
    flink.on("POST /jobs/j1/stop", {"request-id": "r1"}, status=202)
    done = {"status": {"id": "COMPLETED"}, "operation": operation} if operation else {"status": {"id": "IN_PROGRESS"}}
    flink.on("GET /jobs/j1/savepoints/r1", done)
    with pytest.raises(SavepointLost, match="Job j1 failed while its savepoint was made"):
        JobManager(flink.url).stop_with_savepoint("j1", Path("/a"))


def test_a_job_that_fails_already_is_asked_for_no_savepoint(flink: Answers) -> None:
    runs(flink, 1, state="RESTARTING")
    with pytest.raises(SavepointLost):
        JobManager(flink.url).stop_with_savepoint("j1", Path("/a"))
    assert flink.asked == ["GET /jobs/j1"]


def test_a_job_is_cancelled_and_slots_are_counted(flink: Answers) -> None:
    flink.on("PATCH /jobs/j1?mode=cancel", {}, status=202)
    flink.on("GET /overview", {"slots-available": 3, "slots-total": 16})
    manager = JobManager(flink.url)
    manager.cancel("j1")
    assert manager.slots() == (3, 16)
