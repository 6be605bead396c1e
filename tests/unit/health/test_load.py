"""Whether a job keeps up."""

from dataclasses import replace
from datetime import timedelta

import pytest

from headwater.engines import TaskLoad
from headwater.health.load import falls_behind, held_up, short, waiting
from tests.unit.health.watch import NOW, looks, running

SOURCE, GROUP, SINK = "Source: orders__bound:a.b[1] -> Calc[2]", "GroupAggregate[4] -> Map", "Writer : totals"


def tasks(second: float, *, held: float = 0.8, waits: int | None = None, read: int = 0) -> tuple[TaskLoad, ...]:
    """Tasks as they are so many seconds after the job's start; an aggregate holds up the source."""
    ms = second * 1000
    return (
        TaskLoad(SOURCE, ms * held, ms * 0.1, ms * (0.9 - held), read, waits),
        TaskLoad(GROUP, 0, ms * 0.97, ms * 0.03),
        TaskLoad(SINK, 0, ms * 0.2, ms * 0.8),
    )


def test_a_task_that_waits_most_of_the_time_names_the_one_it_waits_for() -> None:
    look = looks(tasks(100 + 15 * number) for number in range(5))
    assert held_up(look) == (
        "«Source: orders» was held up 80% of the time in the last 60 s, by «GroupAggregate», which was busy 97%"
    )


@pytest.mark.parametrize(("share", "said"), [(0.49, False), (0.5, True)])
def test_half_of_the_time_is_too_much(share: float, said: bool) -> None:
    assert bool(held_up(looks(tasks(100 + 15 * number, held=share) for number in range(5)))) is said


def test_a_burst_is_no_trouble() -> None:
    calm = [tasks(100 + 15 * number, held=0) for number in range(4)]
    source, *others = calm[-1]
    burst = (replace(source, held_up=source.held_up + 15_000), *others)
    assert held_up(looks([*calm, burst])) == ""


def test_a_backlog_that_has_been_worked_off_is_forgotten() -> None:
    hard = tasks(1000)
    source, *others = hard
    calm = [(replace(source, idle=source.idle + 15_000 * number), *others) for number in range(5)]
    assert held_up(looks([hard, *calm])) == ""


def test_two_looks_in_short_order_say_nothing() -> None:
    assert held_up(looks([tasks(100), tasks(115)])) == ""


def test_metrics_that_have_not_moved_say_nothing() -> None:
    assert held_up(looks([tasks(100)] * 5)) == ""


@pytest.mark.parametrize(("age", "said"), [(30, False), (90, True)])
def test_a_first_look_goes_by_the_time_since_the_job_started(age: int, said: bool) -> None:
    look = running(tasks=tasks(age), since=NOW - timedelta(seconds=age)).look()
    assert ("since it started, by «GroupAggregate»" in held_up(look)) is said


def growing(*counts: int, rate: float = 10) -> str:
    shown = [tasks(100 + 15 * n, held=0, waits=count, read=int(rate * 15 * n)) for n, count in enumerate(counts)]
    return falls_behind(looks(shown))


def test_a_source_falls_behind_when_more_waits_at_each_look() -> None:
    assert growing(1000, 1500, 2000, 2500) == (
        "2,500 records wait for «Source: orders», 1,500 more than 45 s ago, and it reads 10 a second"
    )


def test_a_source_that_reads_nothing_at_all_says_so() -> None:
    assert growing(0, 1, 2, 3, rate=0).endswith("3 more than 45 s ago, and it reads none")


@pytest.mark.parametrize(
    "counts",
    [
        (1000, 1500, 1400, 2500),  # it catches up now and then
        (2500, 2500, 2500, 2500),  # it keeps its distance
        (4000, 3000, 2000, 1000),  # it catches up
        (100, 200, 300, 400),  # it would read that within a minute
        (1000, 1500, 2000),  # too short a time
    ],
)
def test_a_source_that_does_not_fall_behind(counts: tuple[int, ...]) -> None:
    assert growing(*counts) == ""


def test_what_waits_is_summed_up_over_the_sources_that_say_so() -> None:
    assert waiting(running(tasks=(*tasks(1, waits=3), *tasks(1, waits=4))).look()) == 7
    assert waiting(running(tasks=tasks(1)).look()) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (SOURCE, "Source: orders"),
        (GROUP, "GroupAggregate"),
        ("Source: a__raw:t[1]", "Source: a"),
        ("Global Committer : orders -> end: Writer", "Global Committer : orders"),
    ],
)
def test_a_task_is_named_as_the_author_knows_it(name: str, shown: str) -> None:
    assert short(name) == shown
