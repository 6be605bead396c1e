"""A job's load, put together from the metrics of its parts."""

from typing import Any

import pytest

from headwater.load import Load
from resources.flink.load import load
from resources.flink.rest import FlinkRest
from tests.unit.flink.conftest import Answers

SOURCE = "Source: left__bound:left[1] -> Calc[2]"
OPERATOR = "Source__left__bound_left[1]"
PARTS = [("a", SOURCE, 2, 128), ("b", "GroupAggregate[3]", 2, 128), ("c", "Committer", 1, 1)]
NAMES = [
    f"{OPERATOR}.pendingRecords",
    f"{OPERATOR}.numRecordsInPerSecond",
    f"{OPERATOR}.KafkaSourceReader.topic.left.partition.0.currentOffset",
    f"{OPERATOR}.KafkaSourceReader.topic.left.partition.1.currentOffset",
    f"{OPERATOR}.KafkaSourceReader.topic.left.partition.1.committedOffset",
    "busyTimeMsPerSecond",
]


def metric(name: str, avg: Any, total: Any = None) -> dict[str, Any]:
    return {"id": name, "avg": avg, "sum": avg if total is None else total}


def path(part: str, *names: str) -> str:
    query = f"?get={'%2C'.join(name.replace('[', '%5B').replace(']', '%5D') for name in names)}&agg=avg%2Csum"
    return f"GET /jobs/j1/vertices/{part}/subtasks/metrics" + (query if names else "")


@pytest.fixture
def measured(flink: Answers) -> Answers:
    found = [{"id": i, "name": name, "parallelism": n, "maxParallelism": most} for i, name, n, most in PARTS]
    flink.on("GET /jobs/j1", {"vertices": found})
    flink.on(path("a"), [{"id": name} for name in NAMES])
    flink.on(
        path("a", "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond", *NAMES[:2]),
        [
            metric("busyTimeMsPerSecond", 100.0),
            metric("backPressuredTimeMsPerSecond", 750.0),
            metric(NAMES[0], 60.0, 120.0),
            metric(NAMES[1], 5.0, 10.0),
        ],
    )
    flink.on(path("b", "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"), [metric("busyTimeMsPerSecond", 900.0)])
    return flink


def asked(flink: Answers) -> Load | None:
    return load(FlinkRest(flink.url, "Flink's JobManager"), "j1")


def test_the_busiest_part_says_how_busy_a_job_is_and_its_sources_how_far_behind(measured: Answers) -> None:
    measured.on(
        path("c", "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"), [metric("busyTimeMsPerSecond", "NaN")]
    )
    assert asked(measured) == Load("GroupAggregate[3]", 0.9, 128, backlog=120, rate=10.0, held_back=0.75)


def test_a_part_that_runs_once_says_so_when_it_is_the_busiest(measured: Answers) -> None:
    measured.on(path("c", "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"), [metric("busyTimeMsPerSecond", 1000)])
    found = asked(measured)
    assert found is not None
    assert (found.busiest, found.busy, found.bound) == ("Committer", 1.0, 1)


def test_a_source_is_bound_by_the_partitions_that_it_reads(flink: Answers) -> None:
    flink.on("GET /jobs/j1", {"vertices": [{"id": "a", "name": SOURCE, "parallelism": 1, "maxParallelism": 128}]})
    flink.on(path("a"), [{"id": name} for name in NAMES[2:]])
    flink.on(path("a", "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"), [metric("busyTimeMsPerSecond", 500)])
    assert asked(flink) == Load(SOURCE, 0.5, 2)


def test_a_job_has_no_load_while_figures_of_a_part_are_missing(measured: Answers) -> None:
    measured.on(path("c", "busyTimeMsPerSecond", "backPressuredTimeMsPerSecond"), [])
    assert asked(measured) is None


def test_a_job_that_has_ended_has_no_load(flink: Answers) -> None:
    assert asked(flink) is None
