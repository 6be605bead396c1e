"""Back to the version that ran before, when a new one does not get going."""

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.compile.job import compile_job
from headwater.engines import JobHealth, JobState
from headwater.model import TableName
from headwater.plan.execute import Executor
from headwater.plan.stages import (
    AddColumns,
    Plan,
    ResetOptions,
    SetOptions,
    Stage,
    StopWithSavepoint,
    SubmitJob,
    WaitHealthy,
)
from headwater.problem import HeadwaterError
from tests.unit.compile.declared import HERE, THINGS, UPSTREAM
from tests.unit.plan.inmemory import InMemoryBroker, InMemoryEngine, health, job

SPEC = compile_job(THINGS, UPSTREAM, HERE)
PREVIOUS = replace(SPEC, fingerprint="old000000000")
NAME = TableName.parse("dwd.things")
OLD = job("dwd.things", "old000000000")
SAVEPOINT = Path("/state/savepoint-2")
FAILED = health(JobState.FAILED, 0, failure="StateMigrationException: no")
RUNS = health(restored=f"file:{SAVEPOINT}")


def engine(*healths: JobHealth, snapshot: int | None = 7) -> InMemoryEngine:
    built = InMemoryEngine([OLD], healths=healths)
    built.deployed[SAVEPOINT] = PREVIOUS
    built.deployed_plans[NAME] = {"nodes": [], "edges": []}
    built.snapshot = snapshot
    return built


def failure(flink: InMemoryEngine, *more: Stage) -> HeadwaterError:
    stages = (
        StopWithSavepoint(OLD, "why"),
        *more,
        SubmitJob(SPEC, "from that savepoint", needs_state=True),
        WaitHealthy(SPEC),
    )
    with pytest.raises(HeadwaterError) as raised:
        Executor(flink, InMemoryBroker(), lambda _line: None, patience=0.3).execute(Plan(stages))
    return raised.value


def test_a_version_that_fails_gives_way_to_the_one_before_from_the_same_savepoint_and_snapshot() -> None:
    flink = engine(FAILED, RUNS)
    error = failure(flink)
    assert flink.calls == [
        "stop dwd.things",
        "pair dwd.things",
        "submit dwd.things from /state/savepoint-2",
        "cancel dwd.things",
        "discard after savepoint-2 of dwd.things",
        "roll back dwd.things to 7",
        "submit dwd.things from /state/savepoint-2",
        "prune dwd.things new-dwd.things",
    ]
    assert "StateMigrationException: no" in error.failed
    assert error.left == "the previous version of dwd.things, which runs again from its savepoint"
    assert error.next_command == "correct the model, then headwater apply"


def test_what_was_altered_is_taken_back_last_first() -> None:
    flink = engine(FAILED, RUNS)
    failure(
        flink,
        AddColumns(THINGS, THINGS.columns[1:2]),
        ResetOptions(THINGS, ("gone",), (("gone", "1"),)),
        SetOptions(THINGS, (("changed", "2"), ("new", "3")), (("changed", "1"),)),
    )
    back = flink.calls.index("roll back dwd.things to 7")
    assert flink.calls[back + 1 : -2] == [
        "ALTER TABLE lake.`dwd`.`things` RESET",
        "ALTER TABLE lake.`dwd`.`things` SET",
        "ALTER TABLE lake.`dwd`.`things` SET",
        "ALTER TABLE lake.`dwd`.`things` DROP",
    ]


def test_a_refused_submission_gives_way_too() -> None:
    flink = engine(RUNS)
    submit = flink.submit

    def refused(*_: object) -> str:
        flink.submit = submit  # type: ignore[method-assign]
        raise HeadwaterError("Flink refused the SQL of dwd.things")

    flink.submit = refused  # type: ignore[method-assign]
    error = failure(flink)
    assert error.failed == "Flink refused the SQL of dwd.things"
    assert "runs again from its savepoint" in error.left


def test_a_job_that_was_not_stopped_has_nothing_to_return_to() -> None:
    flink = engine(FAILED)
    with pytest.raises(HeadwaterError) as raised:
        Executor(flink, InMemoryBroker(), lambda _line: None, patience=0.3).execute(
            Plan((SubmitJob(SPEC, "for the first time"), WaitHealthy(SPEC)))
        )
    assert raised.value.left == "the table; the job had no earlier state"
    assert flink.calls == ["submit dwd.things from nothing"]


def test_a_previous_version_that_does_not_come_back_is_told_with_its_savepoint() -> None:
    error = failure(engine(FAILED))
    assert "Its previous version did not come back either: Job dwd.things" in error.failed
    assert error.left == "the savepoint /state/savepoint-2; no job writes dwd.things"


def test_a_version_whose_deployment_is_not_known_is_told() -> None:
    flink = engine(FAILED)
    flink.deployed.clear()
    error = failure(flink)
    assert "How the previous version of dwd.things was deployed is not known any more" in error.failed


def test_a_cluster_that_does_not_answer_is_left_alone() -> None:
    flink = engine(RUNS)

    def gone(*_: object) -> str:
        raise HeadwaterError("Flink does not answer", unreachable=True)

    flink.submit = gone  # type: ignore[method-assign]
    error = failure(flink)
    assert error.unreachable
    assert flink.calls == ["stop dwd.things", "pair dwd.things"]
