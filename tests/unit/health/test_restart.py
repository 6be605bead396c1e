"""When a job that ended by itself is started again."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from headwater.engines import JobState, RetainedState
from headwater.health.restart import Attempts, Healing, heal
from headwater.model import Restart
from tests.unit.compile.declared import THINGS
from tests.unit.health.watch import NOW, Watch, actual, ago, later, retained

POLICY = Restart(attempts=2, backoff=timedelta(seconds=30), within=timedelta(hours=1))
CHECKPOINT = retained("/state/v1/checkpoints/j1/chk-7", 5)
SAVEPOINT = retained("/state/v1/savepoints/savepoint-1", 5)


def healing(
    watch: Watch,
    before: Attempts | None = None,
    *,
    state: RetainedState | None = CHECKPOINT,
    now: datetime = NOW,
    policy: Restart | None = POLICY,
) -> Healing:
    return heal(watch.look(now=now, model=replace(THINGS, restart=policy)), state, before)


FAILED = Watch(ended=(actual(JobState.FAILED),))


def test_without_a_policy_nothing_is_done() -> None:
    assert healing(FAILED, policy=None) == Healing()


def test_a_failed_job_is_started_after_a_pause() -> None:
    first = healing(FAILED)
    assert (first.start, first.words) == (0, "start 1 of 2 by itself at 12:00:30 UTC")
    assert healing(FAILED, first.attempts, now=later(29)).start == 0
    due = healing(FAILED, first.attempts, now=later(30))
    assert (due.start, due.words) == (1, "start 1 of 2 by itself now")
    assert due.attempts == Attempts("j1", NOW, (later(30),))


def test_each_further_pause_is_twice_as_long_and_then_it_is_given_up() -> None:
    again = Watch(ended=(actual(JobState.FAILED, "j2"), actual(JobState.FAILED)))
    second = healing(again, Attempts("j1", NOW, (later(30),)), now=later(40))
    assert second.words == "start 2 of 2 by itself at 12:01:40 UTC"
    assert healing(again, second.attempts, now=later(99)).start == 0
    due = healing(again, second.attempts, now=later(100))
    assert due.start == 2
    third = healing(again, due.attempts, now=later(10_000))
    assert (third.start, third.words) == (0, "started again by itself 2 times, given up")
    assert healing(again, third.attempts, now=later(1_000_000)) == third


def test_a_start_that_came_to_nothing_counts_too() -> None:
    before = Attempts("j1", NOW, (later(30),))
    assert healing(FAILED, before, now=later(89)).start == 0
    assert healing(FAILED, before, now=later(90)).start == 2


def test_a_job_that_flink_has_forgotten_is_known_by_its_checkpoint() -> None:
    assert healing(Watch()).attempts == Attempts("j1", NOW)


@pytest.mark.parametrize(
    ("watch", "state", "why"),
    [
        (Watch(ended=(actual(JobState.CANCELED),)), CHECKPOINT, "somebody ended it"),
        (Watch(ended=(actual(JobState.FINISHED),)), CHECKPOINT, "somebody ended it"),
        (Watch(), SAVEPOINT, "its newest state is a savepoint, so somebody stopped it"),
        (FAILED, None, "it has no state"),
        (FAILED, replace(CHECKPOINT, fingerprint="other"), "other ran, declared is declared0000"),
    ],
)
def test_what_needs_a_decision_is_left_to_people(watch: Watch, state: RetainedState | None, why: str) -> None:
    found = healing(watch, Attempts("j1", ago(999)), state=state)
    assert (found.start, found.words) == (0, f"it is not started by itself: {why}")


def test_attempts_are_remembered_until_the_job_has_run_long_enough() -> None:
    alive = Watch((actual(),))
    before = Attempts("j1", ago(4000), (ago(3600),))
    assert healing(alive, before) == Healing(before, words="started again by itself once")
    assert healing(alive, before, now=later(1)) == Healing()
    assert healing(alive, Attempts("j1", ago(10))) == Healing()
