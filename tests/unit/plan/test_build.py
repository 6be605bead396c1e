"""Which stages a plan has, for every difference between what is declared and what is there."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from headwater.compile.job import fingerprint
from headwater.compile.storage import table_options
from headwater.engines import (
    ActualColumn,
    ActualJob,
    ActualTable,
    Commit,
    ForeignJob,
    JobScale,
    JobState,
    RetainedState,
)
from headwater.model import (
    ChangelogProducer,
    Column,
    JobOptions,
    Merge,
    Model,
    Parallelism,
    Storage,
    TableName,
    Warehouse,
)
from headwater.plan.actual import Actual, observe
from headwater.plan.build import build_plan
from headwater.plan.earlier import Earlier
from headwater.plan.stages import (
    AddColumns,
    CancelJob,
    CreateTable,
    CreateTopic,
    Plan,
    RescaleJob,
    ResetOptions,
    SetOptions,
    StopWithSavepoint,
    SubmitJob,
    WaitHealthy,
)
from headwater.sqltype import SqlType
from tests.unit.compile.declared import COUNTS, HERE, LEFT, RIGHT, THINGS, TOLD, UPSTREAM
from tests.unit.plan.inmemory import InMemoryBroker, InMemoryEngine, job, retained
from tests.unit.plan.tables import TablesInMemory, on_disk

PRINTS = {model.name: fingerprint(model, UPSTREAM) for model in (THINGS, COUNTS)}
TOPICS = tuple(source.topic.name for source in (LEFT, RIGHT) if source.topic)
LOG = replace(COUNTS, key=(), storage=Storage(Merge.APPEND, ChangelogProducer.NONE))


def running(model: Model, state: JobState = JobState.RUNNING) -> ActualJob:
    return job(str(model.name), PRINTS[model.name], state, f"j-{model.name}")


def planned(
    *models: Model,
    tables: Collection[ActualTable] = (),
    jobs: Collection[ActualJob] = (),
    states: Collection[RetainedState] = (),
    written: Collection[TableName] = (),
    only: Collection[TableName] | None = None,
    fresh: Collection[TableName] = (),
    topics: Collection[str] = TOPICS,
    commits: Mapping[TableName, Commit] | None = None,
    earlier: Mapping[TableName, Earlier] | None = None,
    proven: bool = True,
    scales: Mapping[str, JobScale] | None = None,
    stop_undeclared: bool = False,
    foreign: Collection[ForeignJob] = (),
) -> Plan:
    own = {found.model: checkpoint_of(found) for found in jobs if proven}
    actual = Actual(
        tables={table.name: table for table in tables},
        jobs=tuple(jobs),
        states=own | {state.model: state for state in states},
        commits=commits or {},
        written=frozenset(written),
        topics=frozenset(topics),
        scales=scales or {},
        foreign=tuple(foreign),
    )
    warehouse = Warehouse(THINGS.file, (LEFT, RIGHT, THINGS, *(model for model in models if model.name != THINGS.name)))
    if models and models[0].name == THINGS.name:
        warehouse = Warehouse(THINGS.file, (LEFT, RIGHT, *models))
    return build_plan(
        warehouse, actual, HERE, models=only, fresh=fresh, earlier=earlier, stop_undeclared=stop_undeclared
    )


def checkpoint_of(found: ActualJob) -> RetainedState:
    return retained(str(found.model), savepoint=False, path=f"/state/{found.id}/chk-1")


def kinds(plan: Plan) -> list[tuple[type, str]]:
    return [(type(stage), str(stage.table)) for stage in plan.stages]


def test_an_empty_lake_gets_tables_then_jobs_then_waits_upstream_first() -> None:
    assert kinds(planned(THINGS, COUNTS)) == [
        (CreateTable, "dwd.things"),
        (CreateTable, "dm.counts"),
        (SubmitJob, "dwd.things"),
        (SubmitJob, "dm.counts"),
        (WaitHealthy, "dwd.things"),
        (WaitHealthy, "dm.counts"),
    ]


def test_nothing_is_to_do_when_everything_is_there_and_runs() -> None:
    plan = planned(THINGS, COUNTS, tables=[on_disk(THINGS), on_disk(COUNTS)], jobs=[running(THINGS), running(COUNTS)])
    assert plan.is_empty


@pytest.mark.parametrize(
    ("state", "kind", "said"), [(retained("dwd.things"), True, "savepoint"), (None, False, "for the first time")]
)
def test_a_job_that_is_gone_starts_from_its_newest_state(state: RetainedState | None, kind: bool, said: str) -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], states=[state] if state else [])
    start = plan.stages[0]
    assert isinstance(start, SubmitJob)
    assert (start.resume, start.needs_state) == (True, kind)
    assert said in start.describe()


def test_a_start_from_a_checkpoint_says_so_and_of_when_it_is() -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], states=[retained("dwd.things", savepoint=False)])
    assert plan.stages[0].describe() == "start job dwd.things from its checkpoint of 2026-11-22 03:04:05 UTC"


def test_changed_sql_stops_the_job_with_a_savepoint_and_starts_it_from_that() -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], jobs=[job("dwd.things", "old000000000")])
    stop, start, wait = plan.stages
    assert isinstance(stop, StopWithSavepoint)
    assert f"declared {PRINTS[THINGS.name]}, running old000000000" in stop.describe()
    assert isinstance(start, SubmitJob)
    assert start.needs_state
    assert start.describe().endswith("from that savepoint")
    assert isinstance(wait, WaitHealthy)


@pytest.mark.parametrize(
    ("declared", "runs", "stages"),
    [
        (Parallelism(1, 4), 3, []),
        (Parallelism(3, 3), 3, []),
        (Parallelism(1, 2), 3, ["scale job dwd.things from 3 to 2 (declared 1 to 2)"]),
        (Parallelism(4, 8), 3, ["scale job dwd.things from 3 to 4 (declared 4 to 8)"]),
        (Parallelism(1, 1), 3, ["scale job dwd.things from 3 to 1 (declared 1)"]),
    ],
    ids=str,
)
def test_a_job_outside_of_its_range_is_scaled_without_a_stop(
    declared: Parallelism, runs: int, stages: list[str]
) -> None:
    model = replace(THINGS, job=JobOptions(declared))
    runner = running(THINGS)
    plan = planned(model, tables=[on_disk(model)], jobs=[runner], scales={runner.id: JobScale(runs, runs)})
    assert [stage.describe() for stage in plan.stages] == stages
    assert all(isinstance(stage, RescaleJob) for stage in plan.stages)


def test_a_job_whose_parallelism_is_not_known_is_left_as_it_is() -> None:
    model = replace(THINGS, job=JobOptions(Parallelism(2, 2)))
    assert planned(model, tables=[on_disk(model)], jobs=[running(THINGS)]).is_empty


def test_a_changed_job_outside_of_its_range_is_started_inside_of_it_anyway() -> None:
    model = replace(THINGS, job=JobOptions(Parallelism(2, 2)))
    old = job("dwd.things", "old000000000")
    plan = planned(model, tables=[on_disk(model)], jobs=[old], scales={old.id: JobScale(1, 1)})
    assert [type(stage) for stage in plan.stages] == [StopWithSavepoint, SubmitJob, WaitHealthy]


@pytest.mark.parametrize("state", [JobState.INITIALIZING, JobState.CREATED])
def test_a_job_on_its_way_is_waited_for(state: JobState) -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], jobs=[running(THINGS, state)])
    assert kinds(plan) == [(WaitHealthy, "dwd.things")]


@pytest.mark.parametrize("fingerprint_", [PRINTS[THINGS.name], "old000000000"])
@pytest.mark.parametrize("state", [JobState.RESTARTING, JobState.FAILING])
def test_a_job_that_fails_again_and_again_is_cancelled_and_started_anew(state: JobState, fingerprint_: str) -> None:
    plan = planned(
        THINGS,
        tables=[on_disk(THINGS)],
        jobs=[job("dwd.things", fingerprint_, state)],
        states=[retained("dwd.things", savepoint=False)],
    )
    assert [kind for kind, _ in kinds(plan)] == [CancelJob, SubmitJob, WaitHealthy]
    assert state.value in plan.stages[0].describe()
    assert "from its checkpoint" in plan.stages[1].describe()


def test_fresh_stops_a_running_job_and_starts_it_without_its_state() -> None:
    plan = planned(
        THINGS,
        tables=[on_disk(THINGS)],
        jobs=[running(THINGS)],
        states=[retained("dwd.things")],
        fresh=[THINGS.name],
    )
    stop, start, _ = plan.stages
    assert isinstance(stop, StopWithSavepoint)
    assert "without state" in stop.reason
    assert isinstance(start, SubmitJob)
    assert not start.resume
    assert not start.needs_state


def test_an_added_column_is_added_while_no_job_writes_and_readers_start_again() -> None:
    wider = replace(THINGS, columns=(THINGS.columns[0], Column("more", SqlType("STRING")), *THINGS.columns[1:]))
    plan = planned(wider, COUNTS, tables=[on_disk(THINGS), on_disk(COUNTS)], jobs=[running(THINGS), running(COUNTS)])
    assert kinds(plan)[:3] == [
        (StopWithSavepoint, "dwd.things"),
        (AddColumns, "dwd.things"),
        (StopWithSavepoint, "dm.counts"),
    ]
    assert plan.stages[1].describe() == "alter table dwd.things: add more STRING"
    assert plan.refusals == ()


def test_options_are_reset_before_others_are_set() -> None:
    there = on_disk(THINGS, options={**table_options(THINGS), "fields.old_at.sequence-group": "note", "path": "x"})
    there = replace(there, options={key: value for key, value in there.options.items() if "right_at" not in key})
    plan = planned(THINGS, tables=[there], jobs=[running(THINGS)])
    assert [kind for kind, _ in kinds(plan)] == [StopWithSavepoint, ResetOptions, SetOptions, SubmitJob, WaitHealthy]
    assert plan.stages[0].describe().endswith("(its table changes)")
    assert plan.stages[1].describe() == "alter table dwd.things: reset fields.old_at.sequence-group"
    assert plan.stages[2].describe() == "alter table dwd.things: set fields.right_at.sequence-group=note"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (
            on_disk(THINGS, columns=(*on_disk(THINGS).columns, ActualColumn("gone", SqlType("INT"), True))),
            "column gone is in the table and no longer declared; dropping it loses data",
        ),
        (
            on_disk(THINGS, columns=(*on_disk(THINGS).columns[:-1], ActualColumn("right_at", SqlType("DATE"), True))),
            "column right_at is DATE in the table, declared TIMESTAMP_LTZ(3)",
        ),
        (on_disk(THINGS, columns=on_disk(THINGS).columns[::-1]), "its columns stand in the order (right_at, note, "),
        (on_disk(THINGS, key=("note",)), "the table's key is (note), declared (id)"),
        (on_disk(THINGS, partition_by=("note",)), "the table is partitioned by (note), declared ()"),
        (
            on_disk(THINGS, options=table_options(THINGS) | {"bucket": "4"}),
            "option bucket is 4 in the table, declared 1",
        ),
        (
            on_disk(THINGS, options=table_options(THINGS) | {"merge-engine": "deduplicate"}),
            "option merge-engine is deduplicate in the table, declared partial-update",
        ),
    ],
    ids=["dropped", "type", "order", "key", "partition", "bucket", "merge"],
)
def test_what_no_stage_can_bridge_is_refused_with_what_to_do(there: ActualTable, said: str) -> None:
    plan = planned(THINGS, tables=[there], jobs=[running(THINGS)])
    (refusal,) = plan.refusals
    assert refusal.startswith(f"dwd.things: {said}")
    assert refusal.endswith(
        "; declare it as it was, or declare a new table beside it and move readers over (dwd.things/table.yaml)"
    )
    assert not plan.is_empty


def test_two_jobs_that_write_one_table_are_refused_by_name() -> None:
    twice = [running(THINGS), job("dwd.things", "other0000000", number="j2")]
    plan = planned(THINGS, tables=[on_disk(THINGS)], jobs=twice)
    assert plan.stages == ()
    (refusal,) = plan.refusals
    assert "two jobs write it (j-dwd.things and j2); a table has one writer" in refusal


@pytest.mark.parametrize(("state", "kind"), [(JobState.RUNNING, StopWithSavepoint), (JobState.RESTARTING, CancelJob)])
def test_a_job_that_no_model_declares_is_named_and_stopped_only_when_asked(state: JobState, kind: type) -> None:
    gone = job("dm.gone", "f", state)
    kept = {"tables": [on_disk(THINGS)], "jobs": [running(THINGS), gone]}
    left = planned(THINGS, **kept)
    assert (left.stages, left.undeclared) == ((), (gone,))
    assert left.is_empty
    stopped = planned(THINGS, **kept, stop_undeclared=True)
    assert (kinds(stopped), stopped.undeclared) == ([(kind, "dm.gone")], ())


def test_jobs_of_others_are_named_and_never_touched() -> None:
    other = ForeignJob("x1", "someone's", JobState.RUNNING, "http://flink/x1")
    kept = {"tables": [on_disk(THINGS)], "jobs": [running(THINGS)], "foreign": [other]}
    for plan in (planned(THINGS, **kept), planned(THINGS, **kept, stop_undeclared=True)):
        assert (plan.stages, plan.foreign) == ((), (other,))


def test_a_plan_of_some_models_says_nothing_of_other_jobs() -> None:
    other = ForeignJob("x1", "someone's", JobState.RUNNING, "http://flink/x1")
    jobs = [running(THINGS), job("dm.gone", "f")]
    plan = planned(THINGS, tables=[on_disk(THINGS)], jobs=jobs, foreign=[other], only=[THINGS.name])
    assert (plan.undeclared, plan.foreign) == ((), ())


def test_only_the_models_asked_for_are_planned() -> None:
    assert {table for _, table in kinds(planned(THINGS, COUNTS, only=[COUNTS.name]))} == {"dm.counts"}


def test_a_table_without_key_is_never_written_a_second_time_from_the_start() -> None:
    there = {"tables": [on_disk(THINGS), on_disk(LOG)], "jobs": [running(THINGS)]}
    assert planned(THINGS, LOG, **there).refusals == ()
    (refusal,) = planned(THINGS, LOG, **there, written=[LOG.name]).refusals
    assert "has no key and holds rows already" in refusal
    state = [retained("dm.counts")]
    assert planned(THINGS, LOG, **there, states=state, written=[LOG.name]).refusals == ()
    assert planned(THINGS, LOG, **there, states=state, written=[LOG.name], fresh=[LOG.name]).refusals == (refusal,)


def test_the_actual_state_is_read_of_every_streaming_model() -> None:
    engine = InMemoryEngine([running(THINGS)], [retained("dm.counts")])
    store = TablesInMemory(on_disk(THINGS), on_disk(LOG), with_rows={THINGS.name, LOG.name})
    actual = observe(Warehouse(THINGS.file, (LEFT, RIGHT, THINGS, LOG)), engine, store, InMemoryBroker("left"))
    assert set(actual.tables) == {THINGS.name, LOG.name}
    assert set(actual.states) == {COUNTS.name}
    assert actual.jobs == (running(THINGS),)
    assert actual.written == {LOG.name}
    assert actual.topics == {"left"}
    assert actual.scales == {running(THINGS).id: JobScale(1, 1)}


def test_topics_that_are_read_and_missing_come_first() -> None:
    left = LEFT.topic.name if LEFT.topic else ""
    plan = planned(THINGS, topics=[name for name in TOPICS if name != left])
    assert plan.stages[0].describe() == f"create topic {left} of {LEFT.name} (1 partition)"
    assert kinds(plan)[1:] == kinds(planned(THINGS))
    assert CreateTopic not in {kind for kind, _ in kinds(planned(THINGS, COUNTS, topics=[], only=[COUNTS.name]))}


def test_a_topic_that_is_written_and_missing_comes_before_its_job() -> None:
    plan = planned(THINGS, TOLD, only=[TOLD.name])
    assert plan.stages[0].describe() == "create topic dm.counts of dm.counts (1 partition)"
    assert "CreateTopic" not in {kind for kind, _ in kinds(planned(THINGS, TOLD, topics=[*TOPICS, "dm.counts"]))}
