"""A thread that does one thing again and again."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from serving.dashboard.rounds import Rounds

HOUR = 3600.0
SOON = 60.0


class Steps:
    """What is done each round: it says so, and fails when it is told to."""

    def __init__(self) -> None:
        self.done: SimpleQueue[str] = SimpleQueue()
        self.fails = False

    def __call__(self) -> None:
        self.done.put(threading.current_thread().name)
        if self.fails:
            raise ZeroDivisionError("a mishap")

    def await_one(self) -> str:
        return self.done.get(timeout=SOON)


@contextmanager
def going(steps: Steps, seconds: float = HOUR) -> Iterator[Rounds]:
    rounds = Rounds("a test's", steps, seconds)
    rounds.start()
    try:
        yield rounds
    finally:
        rounds.stop()


def test_the_first_round_is_gone_at_once_and_the_next_when_woken() -> None:
    steps = Steps()
    with going(steps) as rounds:
        assert steps.await_one() == "a test's"
        rounds.wake()
        steps.await_one()
        assert steps.done.empty()


def test_rounds_come_by_themselves() -> None:
    steps = Steps()
    with going(steps, seconds=0.01):
        for _ in range(3):
            steps.await_one()


def test_none_comes_after_the_stop() -> None:
    steps = Steps()
    with going(steps) as rounds:
        steps.await_one()
    assert "a test's" not in {thread.name for thread in threading.enumerate()}
    rounds.wake()
    assert steps.done.empty()


def test_a_round_that_fails_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps()
    steps.fails = True
    with caplog.at_level(logging.ERROR), going(steps) as rounds:
        steps.await_one()
        rounds.wake()
        steps.await_one()
    assert "a round of a test's failed" in caplog.text
    assert "a mishap" in caplog.text
