"""The CPU time of a process, shared among the jobs that run in it.

Flink measures no CPU of a job: all jobs run in threads of the TaskManager. It does measure how long each task worked,
waited and was held up (`accumulated-busy-time`, Flink's FLIP-145 and the metrics page, `busyTimeMsPerSecond`). What
the whole process used is known to the system. So the jobs share that, in proportion to the time that their tasks
worked: garbage collection, compaction and state back ends, which work in threads of their own, are shared alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from headwater.engines import ActualJob, JobHealth
from headwater.model import TableName


@dataclass(frozen=True, slots=True)
class Work:
    """How much something had worked at one moment.

    Args:
        id: Of the start of a job or a process: another start counts from nothing.
        since: When its counter began.
        until: When its counter was read. Flink's are read every ten seconds, and may be older than the answer.
        seconds: Of a job, time that its tasks worked, over all subtasks; of a process, CPU time.
    """

    id: str
    since: datetime
    until: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What something used on average.

    Args:
        per_second: Seconds of work or of CPU in each second that passed.
        since: From when on.
        seconds: How much in all.
    """

    per_second: float
    since: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What the counters said.

    Args:
        jobs: Of each job that runs.
        workers: Of each process that jobs run in.
    """

    jobs: Mapping[TableName, Work]
    workers: Mapping[str, Work]


NOTHING = Sample({}, {})


def job_work(job: ActualJob, health: JobHealth) -> Work:
    """What a job's tasks have worked since it came to run.

    The times that a task worked, waited and was held up add up to the time that had passed when they were measured.
    """
    since = health.since or job.started_at
    passed = max((task.busy + task.idle + task.held_up) / task.subtasks for task in health.tasks) if health.tasks else 0
    busy = sum(task.busy for task in health.tasks)
    until = since + timedelta(milliseconds=passed)
    return Work(f"{job.id} since {since.isoformat()}", since, until, busy / 1000)


def paces(now: Sample, before: Sample = NOTHING) -> Mapping[TableName, Pace]:
    """The CPU of each job: its share of what the workers used.

    Args:
        now: The counters.
        before: The counters at an earlier moment, when the rate between the two is asked for. The rate of a job or
            worker that was not there then, or has started again since, is that since it came to run.
    """
    worked = {name: _pace(work, before.jobs.get(name)) for name, work in now.jobs.items()}
    cores = sum(_pace(work, before.workers.get(name)).per_second for name, work in now.workers.items())
    total = sum(pace.per_second for pace in worked.values())
    factor = cores / total if total else 0.0
    return {name: Pace(pace.per_second * factor, pace.since, pace.seconds * factor) for name, pace in worked.items()}


def _pace(work: Work, earlier: Work | None) -> Pace:
    since, seconds = work.since, work.seconds
    if earlier and earlier.id == work.id and earlier.until < work.until:
        since, seconds = earlier.until, max(work.seconds - earlier.seconds, 0.0)
    passed = (work.until - since).total_seconds()
    return Pace(seconds / passed if passed > 0 else 0.0, since, seconds)
