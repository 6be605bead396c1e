"""Carrying out plans: the order of calls, and what is told when a stage fails."""

from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from headwater.compile.job import JobSpec, compile_job
from headwater.engines import JobState, RetainedState
from headwater.model import TableName, Topic, TopicFormat
from headwater.plan.execute import Executor
from headwater.plan.health import is_healthy
from headwater.plan.stages import (
    AddColumns,
    CancelJob,
    CreateTable,
    CreateTopic,
    Plan,
    RescaleJob,
    ResetOptions,
    SetOptions,
    Stage,
    StopWithSavepoint,
    SubmitJob,
    TakeAgain,
    WaitHealthy,
)
from headwater.problem import HeadwaterError
from tests.unit.compile.declared import HERE, THINGS, UPSTREAM
from tests.unit.plan.inmemory import InMemoryBroker, InMemoryEngine, health, job, retained

SPEC = compile_job(THINGS, UPSTREAM, HERE)
NAME = "dwd.things"
NAME_OF_SOURCE = TableName.parse("ods.left")
OLD = job(NAME, "old000000000")


def carried_out(engine: InMemoryEngine, *stages: Stage, patience: float = 0.3) -> list[str]:
    told: list[str] = []
    Executor(engine, InMemoryBroker(), told.append, patience=patience).execute(Plan(stages))
    return told


def failure(engine: InMemoryEngine, *stages: Stage) -> HeadwaterError:
    with pytest.raises(HeadwaterError) as raised:
        carried_out(engine, *stages)
    return raised.value


def test_a_missing_topic_is_made_by_the_broker() -> None:
    broker = InMemoryBroker()
    topic = Topic("left", TopicFormat.JSON)
    Executor(InMemoryEngine(), broker, lambda _line: None).execute(Plan((CreateTopic(NAME_OF_SOURCE, topic),)))
    assert broker.made == ["left"]


def test_a_job_that_fails_while_it_is_stopped_goes_on_from_its_newest_checkpoint() -> None:
    engine = InMemoryEngine([OLD], [retained("dwd.things", savepoint=False)])
    engine.loses_savepoints = True
    start = SubmitJob(SPEC, "from that savepoint", needs_state=True)
    told = carried_out(engine, StopWithSavepoint(OLD, "why"), start, WaitHealthy(SPEC))
    assert engine.calls == [
        "stop dwd.things",
        "cancel dwd.things",
        "submit dwd.things from /state/chk-7",
        "prune dwd.things new-dwd.things",
    ]
    assert "failed while its savepoint was made; its newest checkpoint stands in for a savepoint" in told[1]


def test_a_change_is_carried_out_in_order_and_told_stage_by_stage() -> None:
    engine = InMemoryEngine([OLD])
    stages = (
        StopWithSavepoint(OLD, "why"),
        AddColumns(THINGS, THINGS.columns[1:2]),
        ResetOptions(THINGS, ("a",)),
        SetOptions(THINGS, (("b", "c"),)),
        SubmitJob(SPEC, "from that savepoint", needs_state=True),
        WaitHealthy(SPEC),
    )
    told = carried_out(engine, *stages)
    assert engine.calls == [
        "stop dwd.things",
        "pair dwd.things",
        "ALTER TABLE lake.`dwd`.`things` ADD",
        "ALTER TABLE lake.`dwd`.`things` RESET",
        "ALTER TABLE lake.`dwd`.`things` SET",
        "submit dwd.things from /state/savepoint-2",
        "prune dwd.things new-dwd.things",
    ]
    assert [line for line in told if not line.startswith("  ")] == [stage.describe() for stage in stages]
    assert "  savepoint /state/savepoint-2" in told


def test_a_job_is_scaled_and_not_stopped() -> None:
    engine = InMemoryEngine([OLD])
    told = carried_out(engine, RescaleJob(OLD, 1, 3, "2 to 4"))
    assert told == ["scale job dwd.things from 1 to 3 (declared 2 to 4)"]
    assert engine.calls == ["rescale dwd.things to 3"]


def test_a_first_start_makes_the_table_and_starts_from_nothing() -> None:
    engine = InMemoryEngine()
    carried_out(engine, CreateTable(THINGS), SubmitJob(SPEC, "for the first time"), WaitHealthy(SPEC))
    assert engine.calls == [
        "CREATE DATABASE IF NOT EXISTS lake.`dwd`",
        "CREATE TABLE IF NOT EXISTS lake.`dwd`.`things`",
        "submit dwd.things from nothing",
        "prune dwd.things new-dwd.things",
    ]


def test_a_cancelled_job_goes_on_from_the_newest_state_there_is_then() -> None:
    engine = InMemoryEngine([OLD], [retained(NAME, savepoint=False)])
    carried_out(engine, CancelJob(OLD), SubmitJob(SPEC, "from its checkpoint", needs_state=True))
    assert engine.calls == ["cancel dwd.things", "submit dwd.things from /state/chk-7"]


def test_a_checkpoint_that_came_after_planning_is_not_passed_over() -> None:
    engine = InMemoryEngine([OLD], [retained(NAME, savepoint=False)])
    carried_out(engine, SubmitJob(SPEC, "for the first time"))
    assert engine.calls == ["submit dwd.things from /state/chk-7"]


@pytest.mark.parametrize(
    ("snapshot", "calls"),
    [
        (None, ["recount dwd.things from 7"]),
        (33, ["discard after chk-7 of dwd.things", "roll back dwd.things to 33"]),
    ],
    ids=["with a key", "without"],
)
def test_a_job_that_goes_back_starts_from_the_state_that_was_chosen(snapshot: int | None, calls: list[str]) -> None:
    state = replace(retained(NAME, savepoint=False), checkpoint=7)
    engine = InMemoryEngine((), [state])
    back = SubmitJob(SPEC, "from its checkpoint 7, as asked", needs_state=True, state=state.path)
    carried_out(engine, TakeAgain(THINGS, state, snapshot), back)
    assert engine.calls == [*calls, "submit dwd.things from /state/chk-7"]

    engine.forget(NAME)
    assert "is not there: /state/chk-7" in failure(engine, back).failed


def test_fresh_starts_from_nothing_although_there_is_state() -> None:
    engine = InMemoryEngine((), [retained(NAME)])
    carried_out(engine, SubmitJob(SPEC, "without state", resume=False))
    assert engine.calls == ["submit dwd.things from nothing"]


def test_a_job_that_was_started_elsewhere_is_waited_for() -> None:
    engine = InMemoryEngine(
        [job(NAME, "f")], healths=[health(JobState.INITIALIZING, 0), health(checkpoints=0), health()]
    )
    carried_out(engine, WaitHealthy(SPEC))
    assert engine.calls == ["prune dwd.things j1"]


def test_a_job_that_is_gone_while_it_is_waited_for_is_told() -> None:
    assert "Job dwd.things ended while it was waited for" in failure(InMemoryEngine(), WaitHealthy(SPEC)).failed


def test_jobs_that_follow_one_another_start_at_the_same_time() -> None:
    engine = InMemoryEngine()
    both_here = Barrier(2, timeout=10)
    submit = engine.submit

    def meet(job: JobSpec, restore_from: RetainedState | None) -> str:
        both_here.wait()
        return submit(job, restore_from)

    engine.submit = meet  # type: ignore[method-assign]
    carried_out(engine, SubmitJob(SPEC, "one"), SubmitJob(SPEC, "other"), WaitHealthy(SPEC))
    assert engine.calls[:2] == ["submit dwd.things from nothing"] * 2


def test_a_job_that_cannot_start_is_told_and_does_not_hold_up_one_that_starts_with_it() -> None:
    engine = InMemoryEngine()
    lost = SubmitJob(SPEC, "from its savepoint", needs_state=True)
    error = failure(engine, lost, SubmitJob(SPEC, "for the first time"), WaitHealthy(SPEC))
    assert "is not there" in error.failed
    assert engine.calls == ["submit dwd.things from nothing"]


def test_a_plan_with_refusals_is_not_begun() -> None:
    engine = InMemoryEngine()
    with pytest.raises(HeadwaterError) as raised:
        Executor(engine, InMemoryBroker(), lambda _line: None).execute(
            Plan((CreateTable(THINGS),), ("dwd.things: first", "second"))
        )
    assert raised.value.failed == "The plan cannot be applied:\n  dwd.things: first\n  second"
    assert raised.value.next_command == "headwater plan"
    assert engine.calls == []


def test_state_that_is_gone_is_told_with_the_way_to_start_without() -> None:
    error = failure(InMemoryEngine(), SubmitJob(SPEC, "from its savepoint", needs_state=True))
    assert error.failed == "The state that dwd.things should start from is not there: no checkpoint or savepoint"
    assert "no job runs" in error.left
    assert "headwater apply --fresh dwd.things" in error.next_command


@pytest.mark.parametrize("lost", [True, False], ids=["none", "another"])
def test_a_savepoint_that_is_not_the_newest_state_is_never_replaced_by_another(lost: bool) -> None:
    engine = InMemoryEngine([OLD])
    stop = engine.stop_with_savepoint

    def elsewhere(stopped: object) -> Path:
        stop(OLD)
        if lost:
            engine.forget(NAME)
        return Path("/state/savepoint-elsewhere")

    engine.stop_with_savepoint = elsewhere  # type: ignore[method-assign]
    error = failure(engine, StopWithSavepoint(OLD, "why"), SubmitJob(SPEC, "from that savepoint", needs_state=True))
    assert "is not there: /state/savepoint-elsewhere" in error.failed


def test_a_job_that_does_not_come_up_is_told_with_flinks_reason_and_the_state_left() -> None:
    engine = InMemoryEngine((), [retained(NAME)], [health(JobState.RESTARTING, 0, failure="KafkaException: no topic")])
    error = failure(engine, SubmitJob(SPEC, "from its savepoint", needs_state=True), WaitHealthy(SPEC))
    assert error.failed == ("Job dwd.things (new-dwd.things) is RESTARTING and not healthy: KafkaException: no topic")
    assert error.left == "the state it started from, /state/savepoint-1; the job, RESTARTING"
    assert "headwater apply --fresh dwd.things" in error.next_command
    assert not any(call.startswith("prune") for call in engine.calls)


def test_a_job_that_failed_for_good_is_told_at_once() -> None:
    engine = InMemoryEngine(healths=[health(JobState.FAILED, 0)])
    with pytest.raises(HeadwaterError) as raised:
        carried_out(engine, SubmitJob(SPEC, "for the first time"), WaitHealthy(SPEC), patience=1e9)
    assert "is FAILED and not healthy: no checkpoint completed, and Flink gives no reason" in raised.value.failed
    assert raised.value.left == "the table; the job had no earlier state"


def test_a_job_that_started_from_elsewhere_is_told_with_both_places() -> None:
    engine = InMemoryEngine((), [retained(NAME)], [health(restored="file:/state/savepoint-other")])
    error = failure(engine, SubmitJob(SPEC, "from its savepoint", needs_state=True), WaitHealthy(SPEC))
    assert "started from file:/state/savepoint-other instead of /state/savepoint-1" in error.failed
    assert error.left == "the running job, and the state at /state/savepoint-1"


def test_a_job_that_has_recovered_from_its_own_checkpoint_counts_as_started_from_its_state() -> None:
    own = "file:///state/f1/checkpoints/new-dwd.things/chk-3"
    engine = InMemoryEngine((), [retained(NAME)], [health(restored=own)])
    carried_out(engine, SubmitJob(SPEC, "from its savepoint", needs_state=True), WaitHealthy(SPEC))
    assert engine.calls[-1] == "prune dwd.things new-dwd.things"


def test_a_job_that_does_not_end_is_told() -> None:
    engine = InMemoryEngine([OLD])
    engine._end = lambda _job: None  # type: ignore[method-assign]
    error = failure(engine, CancelJob(OLD))
    assert error.failed.startswith("Job dwd.things (j1) did not end within")


@pytest.mark.parametrize(
    ("state", "checkpoints", "healthy"),
    [(JobState.RUNNING, 1, True), (JobState.RUNNING, 0, False), (JobState.RESTARTING, 5, False)],
)
def test_healthy_is_running_with_a_completed_checkpoint(state: JobState, checkpoints: int, healthy: bool) -> None:
    assert is_healthy(health(state, checkpoints)) is healthy
