"""Which plans are nothing but a job started again."""

import pytest

from headwater.compile.job import compile_job
from headwater.plan.restart import need_plain_restart
from headwater.plan.stages import CancelJob, CreateTable, CreateTopic, Plan, Stage, SubmitJob, WaitHealthy
from headwater.problem import HeadwaterError
from headwater.verdict.verdict import Finding, Outcome, Verdict
from tests.unit.compile.declared import HERE, LEFT, THINGS, UPSTREAM
from tests.unit.plan.inmemory import job

SPEC = compile_job(THINGS, UPSTREAM, HERE)
AGAIN = (SubmitJob(SPEC, "from its checkpoint of today", needs_state=True), WaitHealthy(SPEC))
assert LEFT.topic is not None


@pytest.mark.parametrize("stages", [(), AGAIN, (WaitHealthy(SPEC),)])
def test_a_start_from_its_own_state_takes_no_decision(stages: tuple[Stage, ...]) -> None:
    need_plain_restart(Plan(stages))


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (Plan((CreateTable(THINGS), *AGAIN)), "create table dwd.things (5 columns, key id)"),
        (Plan((CreateTopic(LEFT.name, LEFT.topic), *AGAIN)), "create topic left-topic of ods.left (1 partition)"),
        (Plan((CancelJob(job("dwd.things", "f")), *AGAIN)), "cancel job dwd.things: it is RUNNING"),
        (Plan((SubmitJob(SPEC, "for the first time"),)), "start job dwd.things for the first time"),
        (Plan(AGAIN, ("dwd.things: its table has no key",)), "its table has no key"),
        (
            Plan(AGAIN, verdicts={THINGS.name: Verdict((Finding(Outcome.COMPATIBLE, "sink", "x"),))}),
            "dwd.things is declared otherwise than it ran",
        ),
    ],
)
def test_anything_more_is_left_to_people(plan: Plan, why: str) -> None:
    with pytest.raises(HeadwaterError) as refused:
        need_plain_restart(plan)
    assert refused.value.failed.startswith("Nothing is started again by itself, since that takes a decision")
    assert why in refused.value.failed
    assert (refused.value.left, refused.value.next_command) == (
        "nothing was changed",
        "headwater plan, then headwater apply",
    )
