"""What one look finds out, and what it asks for that."""

from dataclasses import replace

import pytest

from headwater.engines import JobState, TaskLoad
from tests.unit.health.watch import HEALTHY, NOW, Watch, actual, ago, later, retained, running

OLDER = retained("/state/savepoint-1", 7200)
NEWER = retained("/state/savepoint-2", 7000)


def restored(path: str | None, *, states: list[object], meant: str | None = None) -> Watch:
    watch = running(restored_from=path)
    watch.states, watch.meant = states, meant  # type: ignore[assignment]
    return watch


def test_a_job_that_is_not_there_is_looked_for_among_those_that_ended() -> None:
    newest, older = actual(JobState.FAILED, "j2"), actual(JobState.CANCELED, "j1")
    watch = Watch(ended=(newest, older), answer=replace(HEALTHY, state=JobState.FAILED))
    look = watch.look()
    assert (look.job, look.ended, look.health) == (None, newest, watch.answer)


def test_how_a_job_failed_is_asked_once() -> None:
    watch = Watch(ended=(actual(JobState.FAILED),))
    first = watch.look()
    assert watch.look(first).health == first.health
    assert watch.asked == ["health j1"]


def test_a_job_that_somebody_ended_is_asked_nothing() -> None:
    watch = Watch(ended=(actual(JobState.CANCELED),))
    assert watch.look().health is None
    assert watch.asked == []


@pytest.mark.parametrize(
    ("path", "states", "meant", "said"),
    [
        (None, [], None, ""),
        ("file:/state/savepoint-2", [NEWER, OLDER], None, ""),
        ("file:/state/x/j1/chk-4", [NEWER, OLDER], None, ""),
        (None, [NEWER], None, "it started without state, though there was savepoint-2 of 2026-11-22 10:03:20 UTC"),
        ("file:/state/savepoint-1", [NEWER, OLDER], None, "it started from savepoint-1, though savepoint-2 of 2026-11"),
        # What was meant is right, also where it is not the newest.
        (None, [NEWER], "", ""),
        ("file:/state/savepoint-1", [NEWER, OLDER], "file:///state/savepoint-1", ""),
        (None, [NEWER], "file:///state/savepoint-2", "it started without state"),
        # State of after its start, and of its own, cannot have been what it should have started from.
        (None, [retained("/state/savepoint-3", 60)], None, ""),
        (None, [retained("/state/x/j1/chk-9", 4000)], None, ""),
        # What it started from has been pruned.
        ("file:/state/y/j0/chk-4", [OLDER], None, ""),
    ],
)
def test_a_job_must_have_started_from_where_it_should(
    path: str | None, states: list[object], meant: str | None, said: str
) -> None:
    found = restored(path, states=states, meant=meant).look().misplaced
    assert found.startswith(said)
    assert bool(found) is bool(said)


def test_where_a_job_started_is_found_out_once_and_not_forgotten_when_it_fails_over() -> None:
    watch = restored(None, states=[NEWER])
    first = watch.look()
    second = watch.look(first, now=later(15))
    assert second.misplaced == first.misplaced != ""
    watch.answer = replace(watch.answer, restored_from="file:/state/x/j1/chk-4", since=NOW)
    assert watch.look(second, now=later(30)).misplaced == first.misplaced
    assert watch.asked.count("meant j1") == 1


def test_a_job_on_its_way_has_not_started_from_anywhere_yet() -> None:
    watch = restored(None, states=[NEWER])
    watch.answer = replace(watch.answer, state=JobState.INITIALIZING)
    assert watch.look().misplaced == ""


def test_loads_are_remembered_for_one_run_of_a_job_and_not_for_ever() -> None:
    watch, look = running(tasks=(TaskLoad("t", 1, 1, 1),)), None
    for number in range(7):
        look = watch.look(look, now=later(number))
    assert look is not None
    assert [load.at for load in look.loads] == [later(number) for number in range(2, 7)]
    watch.answer = replace(watch.answer, since=ago(1))
    assert len(watch.look(look).loads) == 1
    watch.alive = (actual(number="j2"),)
    assert len(watch.look(look).loads) == 1
