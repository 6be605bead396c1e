"""Going on from another state than the newest."""

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.engines import Commit, RetainedState
from headwater.model import ChangelogProducer, Merge, Storage, TableName
from headwater.plan.earlier import Earlier, is_behind, its_commits, recounted, snapshot_of, way_on
from headwater.plan.stages import StopWithSavepoint, SubmitJob, TakeAgain, WaitHealthy
from tests.unit.compile.declared import COUNTS, THINGS
from tests.unit.plan.inmemory import NOW, InMemoryEngine, retained
from tests.unit.plan.tables import on_disk
from tests.unit.plan.test_build import kinds, planned, running

NAME = TableName.parse("dwd.things")
LOG = replace(COUNTS, key=(), storage=Storage(Merge.APPEND, ChangelogProducer.NONE))


def state(checkpoint: int | None, since: int = 0, until: int | None = None) -> RetainedState:
    path = Path(f"/state/j-dwd.things/chk-{checkpoint}")
    return RetainedState(NAME, "f", path, NOW, False, checkpoint=checkpoint, since=since, until=until)


@pytest.mark.parametrize(
    ("found", "newest", "behind"),
    [
        (state(7), None, False),
        (state(7), Commit(40, 7), False),
        (state(7), Commit(40, 5), False),
        (state(7), Commit(40, 8), True),
        (state(None), Commit(40, 8), False),
        (state(1, since=40), Commit(40, 500), False),
        (state(1, since=40), Commit(41, 2), True),
        (state(500, until=40), Commit(41, 2), True),
        (state(500, until=40), Commit(40, 500), False),
    ],
)
def test_a_state_is_behind_its_table_when_that_has_later_commits(
    found: RetainedState, newest: Commit | None, behind: bool
) -> None:
    assert is_behind(found, newest) is behind


def test_the_commits_of_a_state_are_those_between_the_lines_before_and_after() -> None:
    commits = [Commit(number, number * 10) for number in (6, 5, 4, 3, 2, 1)]
    assert [commit.snapshot for commit in its_commits(state(30, since=2, until=5), commits)] == [5, 4, 3]
    assert snapshot_of(state(45, since=2, until=5), commits) == 4
    assert snapshot_of(state(25, since=2, until=5), commits) is None


@pytest.mark.parametrize(
    ("found", "numbers", "due"),
    [
        (state(7), [11, 9, 5, 2], 5),
        (state(7), [7, 5, 2], None),
        (state(7), [5, 2], None),
        (state(7), [11, 9], 7),
        (state(11), [5, 11, 9, 5, 2], 11),
        (state(9), [5, 11, 9, 5, 2], 9),
        (state(5), [5, 11, 9, 5, 2], None),
        (state(None), [11, 9], None),
        (state(7), [], None),
    ],
)
def test_the_newest_commit_says_how_far_the_job_had_committed(
    found: RetainedState, numbers: list[int], due: int | None
) -> None:
    commits = [Commit(40 - place, number, "user") for place, number in enumerate(numbers)]
    assert recounted(found, commits) == (None if due is None else ("user", due))


def test_commits_of_a_job_that_went_back_meanwhile_are_told_from_those_before() -> None:
    commits = [Commit(9, 6, "a"), Commit(8, 5, "a", recounts=True), Commit(7, 11, "a"), Commit(6, 5, "a")]
    assert recounted(state(11, until=8), commits) == ("a", 11)
    assert recounted(state(5, until=8), commits) == ("a", 5)
    assert recounted(state(6, since=8), commits) is None
    assert recounted(state(7, since=8), commits[1:]) is None


def test_the_jobs_of_other_lines_are_left_alone() -> None:
    commits = [Commit(9, 3, "b"), Commit(8, 11, "a"), Commit(7, 9, "a")]
    assert recounted(state(9, until=8), commits) == ("a", 9)
    assert recounted(state(11, until=8), commits) is None
    assert recounted(state(3, since=8), commits) is None


def test_a_plan_is_refused_whose_newest_state_is_older_than_the_table() -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], states=[state(7)], commits={NAME: Commit(40, 9)})
    assert plan.refusals == (
        "dwd.things: its newest state, checkpoint 7 of 2026-11-22 03:04:05 UTC, is older than its table, which holds "
        "the commit of checkpoint 9: a newer state was lost. To go on from it, which reads again what has come since "
        "and writes the same rows: headwater apply --from /state/j-dwd.things/chk-7",
    )


def test_a_plan_is_refused_that_would_start_without_state_what_a_job_has_written() -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], commits={NAME: Commit(40, 9)})
    assert plan.refusals == (
        "dwd.things: its table holds rows of a job whose checkpoints and savepoints are all gone; put them back, or "
        "start without state, which reads its inputs from the start: headwater apply --fresh dwd.things",
    )
    assert planned(THINGS, tables=[on_disk(THINGS)], commits={NAME: Commit(40, 9)}, fresh=[NAME]).refusals == ()


def test_a_running_job_goes_back_to_a_chosen_state_and_its_table_takes_again_what_came_after() -> None:
    plan = planned(THINGS, tables=[on_disk(THINGS)], jobs=[running(THINGS)], earlier={NAME: Earlier(state(7), 33)})
    assert kinds(plan) == [
        (StopWithSavepoint, "dwd.things"),
        (TakeAgain, "dwd.things"),
        (SubmitJob, "dwd.things"),
        (WaitHealthy, "dwd.things"),
    ]
    stop, again, start, _ = plan.stages
    assert "asked to start from another state" in stop.describe()
    assert again.describe() == "let table dwd.things take again what was committed after checkpoint 7"
    assert start.describe() == "start job dwd.things from its checkpoint 7 of 2026-11-22 03:04:05 UTC, as asked"
    assert isinstance(start, SubmitJob)
    assert start.state == state(7).path
    assert plan.refusals == ()


def test_a_table_without_key_is_taken_back_to_the_snapshot_of_the_state() -> None:
    back = Earlier(replace(state(7), model=LOG.name), 33)
    plan = planned(LOG, tables=[on_disk(LOG)], written=[LOG.name], earlier={LOG.name: back}, only=[LOG.name])
    assert "take table dm.counts back to snapshot 33, which its job's earlier state belongs to" in [
        stage.describe() for stage in plan.stages
    ]
    assert plan.refusals == ()
    gone = planned(LOG, tables=[on_disk(LOG)], earlier={LOG.name: replace(back, snapshot=None)}, only=[LOG.name])
    (refusal,) = gone.refusals
    assert "has expired: going on from there would write rows a second time" in refusal


def test_a_table_without_key_that_others_read_as_a_stream_is_not_taken_back() -> None:
    log = replace(THINGS, key=(), storage=Storage(Merge.APPEND, ChangelogProducer.NONE), partition_by=())
    plan = planned(log, COUNTS, tables=[on_disk(log), on_disk(COUNTS)], earlier={NAME: Earlier(state(7), 33)})
    assert "the jobs of dm.counts have read on from there" in " ".join(plan.refusals)


def test_the_way_on_names_the_state_before_or_none() -> None:
    engine = InMemoryEngine((), [retained("dwd.things", path="/state/savepoint-1")])
    fresh = "headwater apply --fresh dwd.things starts it without state"
    assert way_on(engine, NAME, Path("/state/savepoint-1")) == fresh
    assert way_on(engine, NAME, Path("/state/savepoint-2")) == (
        "headwater apply --from /state/savepoint-1 goes on from the state before it, savepoint of 2026-11-22 03:04:05 "
        f"UTC; {fresh}"
    )
