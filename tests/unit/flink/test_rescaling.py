"""What is asked of Flink for each part of a job, and what it is not asked for."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from headwater.engines import JobScale
from headwater.problem import HeadwaterError
from resources.flink.rescaling import rescale, scale
from resources.flink.rest import FlinkRest
from tests.unit.flink.conftest import Answers
from tests.unit.plan.inmemory import job

JOB = job("dm.sums", "f1")
TOPIC = "Source: left__bound:web.left-2[1] -> Calc[2]"
TABLE = "Source: things__bound[1] -> Calc[2]"
COMMITTER = ("c", "Global Committer : sums -> end: Writer", 1, 1)


def vertices(*parts: tuple[str, str, int, int]) -> dict[str, Any]:
    found = [{"id": i, "name": name, "parallelism": n, "maxParallelism": most} for i, name, n, most in parts]
    return {"vertices": found}


def asked(**parts: int) -> dict[str, Any]:
    return {name: {"parallelism": {"lowerBound": 1, "upperBound": number}} for name, number in parts.items()}


def partitions(of: Mapping[str, int]) -> Any:
    def known(topics: Collection[str]) -> Mapping[str, int]:
        assert set(topics) == set(of)
        return of

    return known


@pytest.fixture
def rest(flink: Answers) -> FlinkRest:
    return FlinkRest(flink.url, "Flink's JobManager")


def test_a_jobs_parallelism_is_that_of_its_widest_part_asked_for_and_there(flink: Answers, rest: FlinkRest) -> None:
    flink.on("GET /jobs/j1", vertices(("a", TOPIC, 1, 128), ("b", "Writer", 2, 128), COMMITTER))
    flink.on("GET /jobs/j1/resource-requirements", asked(a=1, b=3, c=1))
    assert scale(rest, "j1") == JobScale(wanted=3, running=2)


def test_a_job_that_has_ended_has_no_parallelism(rest: FlinkRest) -> None:
    assert scale(rest, "gone") is None


def test_every_part_is_given_what_it_can_use(flink: Answers, rest: FlinkRest) -> None:
    parts = (("a", TOPIC, 1, 128), ("t", TABLE, 1, 128), ("b", "GroupAggregate", 1, 128), ("s", "Single", 1, 1))
    flink.on("GET /jobs/j1", vertices(*parts, COMMITTER))
    flink.on("PUT /jobs/j1/resource-requirements", {})
    rescale(rest, JOB, 4, partitions({"web.left-2": 2}))
    assert flink.bodies[-1] == asked(a=2, t=1, b=4, s=1, c=1)


def test_a_source_whose_topic_is_not_known_is_given_all(flink: Answers, rest: FlinkRest) -> None:
    flink.on("GET /jobs/j1", vertices(("a", TOPIC, 1, 128)))
    flink.on("PUT /jobs/j1/resource-requirements", {})
    topics: list[str] = []
    rescale(rest, JOB, 4, lambda found: topics.extend(found) or {})
    assert flink.bodies[-1] == asked(a=4)
    assert topics == ["web.left-2"]


def test_raw_topics_are_known_too(flink: Answers, rest: FlinkRest) -> None:
    flink.on("GET /jobs/j1", vertices(("a", "Source: orders__raw:ods.orders[1]", 1, 128), ("b", "Writer", 1, 128)))
    flink.on("PUT /jobs/j1/resource-requirements", {})
    rescale(rest, JOB, 2, partitions({"ods.orders": 1}))
    assert flink.bodies[-1] == asked(a=1, b=2)


def test_more_than_any_part_can_use_is_refused_with_the_reason(flink: Answers, rest: FlinkRest) -> None:
    flink.on("GET /jobs/j1", vertices(("a", TOPIC, 1, 128), COMMITTER))
    with pytest.raises(HeadwaterError) as raised:
        rescale(rest, JOB, 4, partitions({"web.left-2": 2}))
    assert raised.value.failed == (
        "No part of job dm.sums has work for 4 subtasks, only for 2 (partitions: web.left-2 has 2)"
    )
    assert raised.value.left == "the job as it was"
    assert raised.value.next_command == "headwater scale dm.sums 2, or declare job.parallelism accordingly"
    assert flink.asked == ["GET /jobs/j1"]
