"""Plans that make a table anew beside its job: when, in which order, and what stands against it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from headwater.compile.job import compile_job
from headwater.engines import ActualJob, JobState
from headwater.model import ChangelogProducer, Merge, Model, OnIncompatible, Storage, TableName, Warehouse
from headwater.plan.actual import Actual, Shadow, observe
from headwater.plan.build import build_plan
from headwater.plan.catchup import catch_up
from headwater.plan.stages import CatchUp, Plan
from headwater.problem import HeadwaterError
from headwater.rebuilder import Reading, RowComparison
from headwater.shadow import shadow
from headwater.sqltype import SqlType
from headwater.verdict.verdict import Finding, Outcome, Verdict
from tests.unit.compile.declared import COUNTS, HERE, LEFT, RIGHT, THINGS, TOLD, UPSTREAM
from tests.unit.plan.inmemory import InMemoryBroker, InMemoryEngine, health, job, retained
from tests.unit.plan.tables import TablesInMemory, on_disk

NAME = COUNTS.name
OLD = job(str(NAME), "old000000000")
BESIDE = compile_job(COUNTS, UPSTREAM, HERE, rebuilds=True)
REBUILD = Verdict((Finding(Outcome.REBUILD, "GroupAggregate", "is another one"),))
SEQUENCE = [
    ("CreateTable", "dm.counts__shadow"),
    ("SubmitJob", "dm.counts__shadow"),
    ("WaitHealthy", "dm.counts__shadow"),
    ("CatchUp", "dm.counts"),
    ("StopWithSavepoint", "dm.counts"),
    ("StopShadow", "dm.counts"),
    ("ReplaceRows", "dm.counts"),
    ("SubmitJob", "dm.counts"),
    ("WaitHealthy", "dm.counts"),
    ("DiscardShadow", "dm.counts"),
]


def planned(
    model: Model = COUNTS,
    *readers: Model,
    jobs: tuple[ActualJob, ...] = (OLD,),
    shadows: Mapping[TableName, Shadow] | None = None,
    verdict: Verdict | None = REBUILD,
    asked: bool = True,
) -> Plan:
    warehouse = Warehouse(THINGS.file, (LEFT, RIGHT, THINGS, model, *readers))
    topics = frozenset(source.topic.name for source in (LEFT, RIGHT) if source.topic)
    actual = Actual({NAME: on_disk(model)}, jobs, {}, topics=topics, shadows=shadows or {})
    verdicts = {NAME: verdict} if verdict else {}
    return build_plan(warehouse, actual, HERE, models=[NAME], rebuild=[NAME] if asked else [], verdicts=verdicts)


def with_policy(policy: OnIncompatible) -> Model:
    return replace(COUNTS, job=replace(COUNTS.job, on_incompatible=policy))


def kinds(plan: Plan) -> list[tuple[str, str]]:
    return [(type(stage).__name__, str(stage.table)) for stage in plan.stages]


def test_a_rebuild_replaces_the_rows_when_both_jobs_have_stopped_and_then_removes_what_it_made() -> None:
    plan = planned()
    assert plan.refusals == ()
    assert kinds(plan) == SEQUENCE


def test_nothing_is_rebuilt_that_nobody_asked_for() -> None:
    (refusal,) = planned(asked=False).refusals
    assert "make the table anew beside the running job: headwater apply --rebuild dm.counts" in refusal


def test_a_declaration_can_ask_for_rebuilds_for_good_and_rule_them_out() -> None:
    assert kinds(planned(with_policy(OnIncompatible.REBUILD), asked=False)) == SEQUENCE
    (refusal,) = planned(with_policy(OnIncompatible.REJECT)).refusals
    assert "it cannot be rebuilt in place: its declaration says on_incompatible: reject" in refusal


def test_a_table_whose_rows_a_topic_distributes_is_not_replaced_behind_its_back() -> None:
    (refusal,) = planned(replace(with_policy(OnIncompatible.ASK), distributes=TOLD.distributes)).refusals
    assert "those who read its topic «dm.counts» would not see the new rows" in refusal


def test_a_policy_of_rebuilds_leaves_a_change_alone_that_the_state_can_follow() -> None:
    compatible = Verdict((Finding(Outcome.COMPATIBLE, "sink", "another name"),))
    plan = planned(with_policy(OnIncompatible.REBUILD), verdict=compatible, asked=False)
    assert [kind for kind, _ in kinds(plan)] == ["StopWithSavepoint", "SubmitJob", "WaitHealthy"]


def test_a_table_whose_files_are_replaced_as_a_whole_may_have_no_job_that_reads_it() -> None:
    log = replace(COUNTS, key=(), storage=Storage(Merge.APPEND, ChangelogProducer.NONE))
    flow = replace(COUNTS.flows[0], reads=(NAME,))
    reader = replace(COUNTS, name=TableName.parse("dm.after"), flows=(flow,))
    assert planned(log).refusals == ()
    (refusal,) = planned(log, reader).refusals
    assert "which jobs that read it do not see: dm.after" in refusal
    nested = replace(
        COUNTS, columns=(*COUNTS.columns, replace(COUNTS.columns[-1], name="m", type=SqlType.parse("MAP<INT, INT>")))
    )
    assert "dm.after" in planned(nested, reader).refusals[0]
    assert planned(COUNTS, reader).refusals == ()


def test_a_change_that_the_table_cannot_take_is_refused_also_with_a_rebuild() -> None:
    verdict = Verdict((Finding(Outcome.INCOMPATIBLE, "table", "another key"),))
    assert "another key; declare it as it was" in planned(verdict=verdict).refusals[0]


@pytest.mark.parametrize(
    ("runs", "has_state", "first"),
    [(True, True, "WaitHealthy"), (False, True, "SubmitJob"), (False, False, "SubmitJob")],
)
def test_a_rebuild_that_was_begun_goes_on_without_being_asked_for_again(
    runs: bool, has_state: bool, first: str
) -> None:
    beside = job(str(shadow(NAME)), BESIDE.fingerprint) if runs else None
    left = Shadow(BESIDE.fingerprint, True, beside, has_state)
    plan = planned(jobs=(), shadows={NAME: left}, asked=False)
    assert plan.refusals == ()
    assert kinds(plan)[0] == (first, "dm.counts__shadow")
    assert ("StopWithSavepoint", "dm.counts") not in kinds(plan)


def test_what_is_left_of_a_rebuild_to_another_version_is_removed_first() -> None:
    left = Shadow("another00000", True, None, True)
    assert kinds(planned(shadows={NAME: left})) == [("DiscardShadow", "dm.counts"), *SEQUENCE]


def test_what_is_left_of_a_rebuild_is_removed_when_the_declared_job_runs() -> None:
    running = job(str(NAME), compile_job(COUNTS, UPSTREAM, HERE).fingerprint)
    left = Shadow(BESIDE.fingerprint, True, None, True)
    stages = kinds(planned(jobs=(running,), shadows={NAME: left}, verdict=None, asked=False))
    assert stages == [("DiscardShadow", "dm.counts"), ("WaitHealthy", "dm.counts")]


def test_what_is_there_of_a_rebuild_is_read_and_its_job_is_no_job_of_an_undeclared_model() -> None:
    warehouse = Warehouse(THINGS.file, (LEFT, RIGHT, THINGS, COUNTS))
    beside = job(str(shadow(NAME)), "f1")
    engine = InMemoryEngine([OLD, beside], [retained(str(shadow(NAME)), "f1")])
    actual = observe(warehouse, engine, TablesInMemory(on_disk(replace(COUNTS, name=shadow(NAME)))), InMemoryBroker())
    assert actual.jobs == (OLD,)
    assert actual.shadows == {NAME: Shadow("f1", True, beside, True)}


class InMemoryRebuilder:
    """Reads as far as it is told, one reading after the other, the last one for ever."""

    def __init__(self, *readings: Reading, compared: RowComparison | None = None) -> None:
        self._readings = list(readings)
        self._compared = compared or RowComparison(1, 0, 0, 0)

    def reading(self, job: ActualJob, topics: Sequence[str], tables: Sequence[TableName]) -> Reading:
        del job, topics, tables
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]

    def compare(self, model: Model) -> RowComparison:
        del model
        return self._compared

    def replace(self, model: Model) -> None: ...

    def hand_over(self, model: TableName) -> None: ...

    def discard(self, model: TableName) -> None: ...


def caught_up(
    rebuilder: InMemoryRebuilder, engine: InMemoryEngine | None = None, *, is_partial: bool = False
) -> list[str]:
    told: list[str] = []
    stage = CatchUp(BESIDE, COUNTS, (), is_partial)
    catch_up(stage, job(str(shadow(NAME)), "f"), engine or InMemoryEngine(), rebuilder, told.append)
    return told


def test_a_shadow_has_caught_up_when_it_has_read_what_was_there_at_first() -> None:
    begins = {"left/0": 0, "left/1": 4}
    first = Reading(begins, {"left/0": 2}, {"left/0": 5, "left/1": 4, "dwd.things": 3})
    later = Reading(begins, {"left/0": 5, "dwd.things": 3}, {"left/0": 9, "left/1": 4, "dwd.things": 7})
    told = caught_up(InMemoryRebuilder(first, first, later, compared=RowComparison(1, 2, 3, 4)), is_partial=True)
    assert told == [
        "  dm.counts__shadow has read 5 of 9 records (56%)",
        "  dm.counts__shadow against dm.counts: 1 rows the same, 2 changed, 3 new, 4 gone",
    ]


def test_records_that_have_expired_are_not_given_up_unasked() -> None:
    reading = Reading({"left/0": 3}, {"left/0": 5}, {"left/0": 5})
    with pytest.raises(HeadwaterError, match="the first records of left/0 have expired") as refused:
        caught_up(InMemoryRebuilder(reading))
    assert "headwater apply --rebuild dm.counts" in str(refused.value.next_command)
    caught_up(InMemoryRebuilder(reading), is_partial=True)


def test_an_empty_shadow_does_not_take_the_place_of_a_table_with_rows() -> None:
    reading = Reading({}, {}, {})
    with pytest.raises(HeadwaterError, match=r"dm\.counts__shadow is empty, and would take 7 rows from dm\.counts"):
        caught_up(InMemoryRebuilder(reading, compared=RowComparison(0, 0, 0, 7)))
    caught_up(InMemoryRebuilder(reading, compared=RowComparison(0, 0, 0, 0)))


def test_a_shadow_whose_job_fails_is_not_waited_for() -> None:
    behind = Reading({"left/0": 0}, {}, {"left/0": 5})
    failing = InMemoryEngine(healths=[health(JobState.FAILED, failure="no such column")])
    with pytest.raises(HeadwaterError, match="is FAILED: no such column"):
        caught_up(InMemoryRebuilder(behind), failing)
