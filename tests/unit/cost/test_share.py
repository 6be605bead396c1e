"""How the CPU of the process that all jobs run in is shared among them."""

from datetime import UTC, datetime, timedelta

import pytest

from headwater.cost.share import Sample, Work, job_work, paces
from headwater.engines import ActualJob, JobHealth, JobState, TaskLoad
from headwater.model import TableName

ORDERS, DRIVERS = TableName.parse("dwd.orders"), TableName.parse("dwd.drivers")
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def work(seconds: float, until: float, *, since: float = 0, run: str = "a") -> Work:
    return Work(run, after(since), after(until), seconds)


def test_jobs_share_what_their_worker_used_by_the_time_they_worked() -> None:
    sample = Sample({ORDERS: work(30, 100), DRIVERS: work(10, 100)}, {"taskmanager": work(80, 100)})
    found = paces(sample)
    assert found[ORDERS].per_second == pytest.approx(0.6)
    assert found[DRIVERS].per_second == pytest.approx(0.2)
    assert found[ORDERS].seconds == pytest.approx(60)
    assert found[ORDERS].since == START


def test_a_young_job_is_judged_by_its_own_time() -> None:
    sample = Sample({ORDERS: work(50, 100), DRIVERS: work(5, 100, since=90)}, {"taskmanager": work(100, 100)})
    found = paces(sample)
    assert found[ORDERS].per_second == found[DRIVERS].per_second == pytest.approx(0.5)
    assert found[DRIVERS].since == after(90)


def test_between_two_samples_only_what_came_in_between_counts() -> None:
    before = Sample({ORDERS: work(30, 100), DRIVERS: work(10, 100)}, {"taskmanager": work(80, 100)})
    now = Sample({ORDERS: work(30, 200), DRIVERS: work(30, 200)}, {"taskmanager": work(90, 200)})
    found = paces(now, before)
    assert (found[ORDERS].per_second, found[DRIVERS].per_second) == (0.0, pytest.approx(0.1))
    assert found[DRIVERS].since == after(100)


def test_a_job_that_started_again_in_between_counts_from_its_start() -> None:
    before = Sample({ORDERS: work(30, 100)}, {"taskmanager": work(80, 100)})
    now = Sample({ORDERS: work(5, 200, since=150, run="b")}, {"taskmanager": work(90, 200)})
    assert paces(now, before)[ORDERS].since == after(150)
    assert paces(now, before)[ORDERS].per_second == pytest.approx(0.1)


def test_counters_that_were_not_read_anew_give_the_rate_since_the_start() -> None:
    before = Sample({ORDERS: work(30, 100)}, {"taskmanager": work(80, 100)})
    assert paces(before, before)[ORDERS].since == START


def test_jobs_that_have_not_worked_cost_nothing() -> None:
    assert paces(Sample({ORDERS: work(0, 100)}, {"taskmanager": work(7, 100)}))[ORDERS].per_second == 0.0
    assert paces(Sample({ORDERS: work(0, 0)}, {}))[ORDERS].per_second == 0.0


def test_a_job_s_time_is_that_of_its_counters_and_not_of_the_clock() -> None:
    job = ActualJob("j", ORDERS, "f", JobState.RUNNING, START, "")
    tasks = (TaskLoad("a", 1000, 6000, 13000, subtasks=2), TaskLoad("b", 0, 1000, 9000))
    health = JobHealth(JobState.RUNNING, 1, None, None, 0, since=after(5), tasks=tasks)
    found = job_work(job, health)
    assert (found.since, found.until, found.seconds) == (after(5), after(15), 7.0)
