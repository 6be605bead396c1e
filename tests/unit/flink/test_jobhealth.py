"""One job's health, as the JobManager tells it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.engines import JobHealth, JobState, TaskLoad
from resources.flink.jobhealth import read_health
from resources.flink.rest import FlinkRest
from tests.unit.flink.conftest import Answers

TRACE = "a.b.Outer: x\n\tat y\nCaused by: c.Inner: why\n\tat z"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHECKPOINTED = {"counts": {"completed": 3}, "latest": {"completed": {"latest_ack_timestamp": 5000}}}


def at(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def job(flink: Answers, state: str = "RUNNING", *vertices: dict[str, Any], restarts: int = 0) -> None:
    stamps = {"INITIALIZING": 1000, "RUNNING": 2000, "FAILED": 0}
    flink.on("GET /jobs/j1", {"state": state, "vertices": list(vertices), "timestamps": stamps})
    flink.on("GET /jobs/j1/metrics?get=numRestarts%2CnumRescales", [{"id": "numRestarts", "value": str(restarts)}])


def vertex(name: str, number: str = "v1", **metrics: object) -> dict[str, Any]:
    return {"id": number, "name": name, "metrics": metrics}


def failed(flink: Answers, *times: int, trace: str = TRACE) -> None:
    entries = [{"stacktrace": trace, "timestamp": time} for time in times]
    flink.on("GET /jobs/j1/exceptions?maxExceptions=16", {"exceptionHistory": {"entries": entries}})


def read(flink: Answers) -> JobHealth:
    return read_health(FlinkRest(flink.url, "Flink"), "j1")


def test_a_jobs_health_is_put_together(flink: Answers) -> None:
    window = vertex("WindowAggregate[4] -> Calc[5]", "v2")
    job(flink, "RUNNING", vertex("Source: orders__bound[1]"), window, restarts=2)
    latest = {"completed": {"latest_ack_timestamp": 5000}, "restored": {"external_path": "file:/sp"}}
    flink.on("GET /jobs/j1/checkpoints", {"counts": {"completed": 3}, "latest": latest})
    metric = "0.WindowAggregate.numLateRecordsDropped"
    flink.on("GET /jobs/j1/vertices/v2/metrics", [{"id": metric}, {"id": "0.other"}])
    flink.on(f"GET /jobs/j1/vertices/v2/metrics?get={metric}", [{"id": metric, "value": "4"}])
    failed(flink, 1500, 700)
    health = read(flink)
    assert health.state is JobState.RUNNING
    assert health.checkpoints_completed == 3
    assert health.restored_from == "file:/sp"
    assert health.last_checkpoint_at == at(5000)
    assert (health.restarts, health.failure, health.late_dropped) == (2, "Inner: why", 4)
    assert (health.since, health.failed_at, health.trace) == (at(2000), (at(1500), at(700)), TRACE)


def test_a_job_without_checkpoints_and_metrics_has_a_health_too(flink: Answers) -> None:
    flink.on("GET /jobs/j1", {"state": "INITIALIZING", "vertices": []})
    flink.on("GET /jobs/j1/checkpoints", {"counts": {}, "latest": {"completed": None, "restored": None}})
    flink.on("GET /jobs/j1/metrics?get=numRestarts%2CnumRescales", [])
    failed(flink)
    health = read(flink)
    assert (health.checkpoints_completed, health.restored_from, health.last_checkpoint_at) == (0, None, None)
    assert (health.failure, health.since, health.tasks) == ("", None, ())


def test_a_job_that_has_just_restarted_tells_why_before_its_restarts_are_counted(flink: Answers) -> None:
    job(flink)
    latest = {"restored": {"external_path": "file:/state/v1/checkpoints/j1/chk-3"}}
    flink.on("GET /jobs/j1/checkpoints", {**CHECKPOINTED, "latest": latest})
    failed(flink, 1500)
    health = read(flink)
    assert (health.restarts, health.failed_at, health.failure) == (0, (at(1500),), "Inner: why")


def test_a_job_waits_for_slots_since_its_failure_not_since_its_first_start(flink: Answers) -> None:
    job(flink, "CREATED")
    flink.on("GET /jobs/j1/checkpoints", CHECKPOINTED)
    failed(flink, 9000, 4000)
    assert read(flink).since == at(9000)


def test_a_job_that_runs_again_does_so_since_it_came_to_run(flink: Answers) -> None:
    job(flink, "RUNNING", restarts=1)
    flink.on("GET /jobs/j1/checkpoints", CHECKPOINTED)
    failed(flink, 9000)
    assert read(flink).since == at(2000)


def test_a_healthy_job_with_one_topic_takes_four_requests(flink: Answers) -> None:
    job(flink, "RUNNING", vertex("Source: orders__bound:a.topic[1] -> Calc[2]"), vertex("Writer : orders", "v2"))
    flink.on("GET /jobs/j1/checkpoints", CHECKPOINTED)
    metric = "Source__orders__bound_a_topic%5B1%5D.pendingRecords"
    asked = f"GET /jobs/j1/vertices/v1/subtasks/metrics?get={metric}&agg=sum"
    flink.on(asked, [{"id": metric, "sum": 12.0}])
    source, writer = read(flink).tasks
    assert (source.waiting, writer.waiting) == (12, None)
    assert len(flink.asked) == 4
    assert asked in flink.asked


def test_a_source_whose_metrics_have_not_come_yet_does_not_say_what_waits(flink: Answers) -> None:
    job(flink, "RUNNING", vertex("Source: orders__bound:topic[1]"))
    flink.on("GET /jobs/j1/checkpoints", CHECKPOINTED)
    path = "GET /jobs/j1/vertices/v1/subtasks/metrics?get=Source__orders__bound_topic%5B1%5D.pendingRecords&agg=sum"
    flink.on(path, [])
    assert read(flink).tasks[0].waiting is None


def test_tasks_tell_how_they_spend_their_time(flink: Answers) -> None:
    times = {
        "accumulated-backpressured-time": 30,
        "accumulated-busy-time": 20.0,
        "accumulated-idle-time": 50,
        "read-records": 7,
    }
    job(
        flink, "RUNNING", vertex("GroupAggregate[2]", "v1", **times), vertex("Sink", **{"accumulated-busy-time": "NaN"})
    )
    flink.on("GET /jobs/j1/checkpoints", CHECKPOINTED)
    assert read(flink).tasks == (TaskLoad("GroupAggregate[2]", 30, 20, 50, 7), TaskLoad("Sink", 0, 0, 0))


@pytest.mark.parametrize(
    ("history", "count", "reason"),
    [
        ([("COMPLETED", None)], 0, ""),
        (
            [("FAILED", "Checkpoint expired"), ("FAILED", "earlier"), ("COMPLETED", None), ("FAILED", "old")],
            2,
            "Checkp",
        ),
        ([("IN_PROGRESS", None), ("FAILED", "Checkpoint expired"), ("COMPLETED", None)], 1, "Checkpoint expired"),
        ([("FAILED", "Checkpoint Coordinator is suspending."), ("COMPLETED", None)], 0, ""),
    ],
)
def test_checkpoints_that_failed_in_a_row_are_counted_with_the_newest_reason(
    flink: Answers, history: list[tuple[str, str | None]], count: int, reason: str
) -> None:
    job(flink)
    said = [{"status": status, "failure_message": message} for status, message in history]
    flink.on("GET /jobs/j1/checkpoints", {**CHECKPOINTED, "history": said})
    health = read(flink)
    assert health.checkpoints_failed == count
    assert health.checkpoint_failure.startswith(reason)
    assert bool(health.checkpoint_failure) is bool(reason)


def test_a_job_that_never_came_to_run_is_explained_by_its_result(flink: Answers) -> None:
    job(flink, "FAILED", vertex("Source: orders__bound:topic[1]"))
    flink.on("GET /jobs/j1/checkpoints", {})
    failed(flink)
    cause = {"class": "x", "stack-trace": TRACE}
    result = {"status": {"id": "COMPLETED"}, "job-execution-result": {"failure-cause": cause}}
    flink.on("GET /jobs/j1/execution-result", result)
    health = read(flink)
    assert (health.failure, health.trace, health.failed_at) == ("Inner: why", TRACE, ())
    assert health.tasks == ()
