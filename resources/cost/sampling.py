"""The counters of CPU and work, as the JobManager and the operating system have them."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from headwater.cost.share import Sample, Work, job_work
from headwater.engines import ActualJob, JobHealth, JobState
from headwater.model import TableName
from resources.local.flink import TASKMANAGER
from resources.local.processes import ProcessStatus


class JobSource(Protocol):
    """What tells of jobs."""

    def jobs(self) -> tuple[ActualJob, ...]:
        """See StreamEngine.jobs."""
        ...

    def health(self, job_id: str) -> JobHealth:
        """See StreamEngine.health."""
        ...


def look(flink: JobSource, processes: tuple[ProcessStatus, ...]) -> tuple[Sample, dict[TableName, JobHealth]]:
    """The counters now, and what Flink says of each job that runs. Raises HeadwaterError (unreachable)."""
    healths: dict[TableName, JobHealth] = {}
    jobs: dict[TableName, Work] = {}
    for job in flink.jobs():
        if job.state is JobState.RUNNING:
            healths[job.model] = flink.health(job.id)
            jobs[job.model] = job_work(job, healths[job.model])
    now = datetime.now(UTC)
    workers = {each.name: process_work(each, now) for each in processes if each.pid and each.name == TASKMANAGER}
    return Sample(jobs, workers), healths


def process_work(process: ProcessStatus, now: datetime) -> Work:
    """The CPU that a process has used since it started."""
    return Work(str(process.pid), now - timedelta(seconds=process.uptime), now, process.cpu)
