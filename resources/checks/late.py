"""Late records: how many of what the table's windows were given they dropped since the look before.

Flink counts both at the window's task, from the job's start on (`numLateRecordsDropped`, `read-records`): since the
look before where the same start of the same job was seen then, else since that start. Where Flink aggregates before it
sends rows to the window, what it counts are those partial rows.
"""

import re

from headwater.checks.kinds import Check, Late
from headwater.engines import ActualJob, JobHealth
from headwater.problem import HeadwaterError
from resources.checks.look import Found, Look, Start

_WINDOW = re.compile(r"(?<!Local)Window")


def evaluate(look: Look, check: Check, asks: Late) -> Found:
    """Evaluate one such check. Raises HeadwaterError when Flink does not answer, or the job does not run."""
    from resources.deploy import engine

    with engine(look.stack) as flink:
        job = next((job for job in flink.jobs() if job.model == look.model.name), None)
        if job is None:
            raise HeadwaterError(
                f"The job of {look.model.name} does not run, so nobody counts what comes late",
                left="the check was not judged",
                next_command="headwater status",
            )
        health = flink.health(job.id)
    return judge(look, check, asks, job, health)


def judge(look: Look, check: Check, asks: Late, job: ActualJob, health: JobHealth) -> Found:
    """What the job's counters say."""
    given = sum(task.read for task in health.tasks if _WINDOW.search(task.name))
    counts = {"job": job.id, "restarts": health.restarts, "given": given, "dropped": health.late_dropped}
    memory = look.memory_of(check)
    before = memory.counts if memory is not None else {}
    goes_on = (before.get("job"), before.get("restarts")) == (job.id, health.restarts) and before["given"] <= given
    dropped = health.late_dropped - (before["dropped"] if goes_on else 0)
    read = given - (before["given"] if goes_on else 0)
    share = dropped / read if read else 0.0
    since = "since the look before" if goes_on else "since the job last started"
    return look.found(
        check,
        Start(),
        dropped,
        counted="records",
        said=f"{dropped:,} of {read:,} records {since} were dropped as late, {share:.2%}",
        passed=share <= asks.at_most,
        counts=counts,
    )
