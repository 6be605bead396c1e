"""Stopping a table's job for a moment, so that nobody else writes the table, and letting it go on as it was."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headwater.engines import ActualJob, JobState
from headwater.model import TableName
from headwater.plan.health import await_healthy, pair_when_ended
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.applylock import applying
from resources.backfill.staging import await_none_writing
from resources.deploy import engine, restart

_END_SECONDS = 60.0
_START_SECONDS = 120.0


@contextmanager
def nobody_writing(
    stack: Stack, table: TableName, job: ActualJob | None, tell: Callable[[str], None]
) -> Iterator[None]:
    """The table's job does not run until the block ends; then it goes on from where it stopped, whatever happened.

    A process that is killed meanwhile leaves the job stopped with a savepoint: `headwater apply` starts it again, and
    so does the backfill that goes on.

    Args:
        job: The one that runs; None when none does, and then none is started while the block lasts.

    Raises HeadwaterError when the job makes no savepoint (nothing has happened then), or does not come back.
    """
    with applying(stack, f"backfilling {table}", tell):
        if job is None:
            yield
            return
        if job.state is not JobState.RUNNING:
            raise HeadwaterError(
                f"Job {table} is {job.state.value}, so it cannot be stopped with a savepoint",
                left="nothing was changed",
                next_command="headwater status; then the same command again",
            )
        with engine(stack) as flink:
            savepoint = flink.stop_with_savepoint(job)
            stopped = time.monotonic()
            tell(f"  job {table} is stopped, its savepoint {savepoint}")
            try:
                pair_when_ended(flink, job, savepoint, patience=_END_SECONDS)
                yield
            finally:
                states = [state for state in flink.retained_states(table) if state.path == savepoint]
                spec = flink.deployed_job(states[0]) if states else None
                plan = flink.deployed_plan(states[0]) if states else None
                if spec is None or plan is None:
                    raise HeadwaterError(
                        f"How job {table} was deployed is not noted beside {savepoint}, so it was not started again",
                        left=f"the savepoint; no job writes {table}",
                        next_command="headwater apply",
                    )
                started = flink.submit_plan(spec, plan, states[0])
                await_healthy(flink, table, started, savepoint, patience=_START_SECONDS)
                tell(f"  job {table} runs again after {time.monotonic() - stopped:.1f} s")


def start_again(stack: Stack, table: TableName, tell: Callable[[str], None]) -> None:
    """Start the job that a process which is gone had stopped for a moment, once what that process had begun is written.

    Nothing happens when the job runs. Raises HeadwaterError when it does not come to run.
    """
    await_none_writing(stack, table)
    with engine(stack) as flink:
        if any(job.model == table for job in flink.jobs()):
            return
    tell(f"job {table} was stopped for a moment by a process that is gone: starting it")
    restart(stack, tell, models=[table])
