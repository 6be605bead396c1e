"""What Flink says of jobs, as a test tells it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.engines import ActualJob, JobHealth, JobListing, JobState, RetainedState, TaskLoad
from headwater.health.look import Look, look_at
from headwater.model import Model, TableName
from tests.unit.compile.declared import THINGS

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
START = NOW - timedelta(hours=1)
DECLARED = "declared0000"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def actual(state: JobState = JobState.RUNNING, number: str = "j1", fingerprint: str = DECLARED) -> ActualJob:
    return ActualJob(number, THINGS.name, fingerprint, state, START, f"http://flink/{number}")


def retained(path: str, seconds_ago: float, *, fingerprint: str = DECLARED) -> RetainedState:
    is_savepoint = "savepoint" in path
    return RetainedState(THINGS.name, fingerprint, Path(path), ago(seconds_ago), is_savepoint)


HEALTHY = JobHealth(JobState.RUNNING, 3, None, ago(1), 0, since=START)


@dataclass
class Watch:
    """One model's jobs. `asked` has what was asked beyond the listing, in order."""

    alive: tuple[ActualJob, ...] = ()
    ended: tuple[ActualJob, ...] = ()
    states: list[RetainedState] = field(default_factory=list)
    meant: str | None = None
    answer: JobHealth = HEALTHY
    asked: list[str] = field(default_factory=list)

    def listing(self) -> JobListing:
        return JobListing(self.alive, self.ended)

    def health(self, job_id: str) -> JobHealth:
        self.asked.append(f"health {job_id}")
        return self.answer

    def meant_start(self, job_id: str) -> str | None:
        self.asked.append(f"meant {job_id}")
        return self.meant

    def retained_states(self, model: TableName) -> list[RetainedState]:
        self.asked.append(f"states {model}")
        return self.states

    def look(self, before: Look | None = None, *, now: datetime = NOW, model: Model = THINGS) -> Look:
        return look_at(model, DECLARED, self.listing(), self, now, before)


def running(**changes: object) -> Watch:
    """A job that runs, with its health changed like that."""
    return Watch((actual(),), answer=replace(HEALTHY, **changes))  # type: ignore[arg-type]


def looks(tasks: Iterable[tuple[TaskLoad, ...]], *, every: float = 15) -> Look:
    """One look after the other at a job whose tasks were like that; the last one."""
    watch, look = running(), None
    for number, loads in enumerate(tasks):
        watch.answer = replace(HEALTHY, tasks=loads)
        look = watch.look(look, now=later(every * number))
    assert look is not None
    return look
