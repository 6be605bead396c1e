"""Carry out a plan, stage by stage, telling what is done."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import singledispatchmethod
from itertools import groupby
from pathlib import Path

from headwater.compile.storage import add_columns, create_table, reset_options, set_options
from headwater.compile.text import local_path
from headwater.engines import ActualJob, Broker, JobHealth, JobState, RetainedState, StreamEngine
from headwater.model import TableName
from headwater.plan.stages import (
    AddColumns,
    CancelJob,
    CreateTable,
    CreateTopic,
    Plan,
    ResetOptions,
    SetOptions,
    Stage,
    StopWithSavepoint,
    SubmitJob,
    WaitHealthy,
)
from headwater.problem import HeadwaterError

_POLL_SECONDS = 0.1
_STARTS_AT_ONCE = 3


class Executor:
    """Executes plans on one engine.

    Args:
        engine: The Flink cluster.
        broker: The Kafka broker.
        on_event: Told one line before each stage, and one for what came of it where there is more to say; from
            several threads.
        patience: Seconds that a started job may take until it is healthy.
    """

    def __init__(
        self, engine: StreamEngine, broker: Broker, on_event: Callable[[str], None], *, patience: float = 90.0
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._tell = on_event
        self._patience = patience
        self._started: dict[TableName, tuple[str, Path | None]] = {}
        self._savepoints: dict[TableName, Path] = {}

    def execute(self, plan: Plan) -> None:
        """Carry out every stage in order, jobs that start side by side.

        Raises HeadwaterError at the first that fails; the rest is not tried, but for jobs that start with it.

        Carrying out a new plan afterwards goes on from what is there: nothing has to be undone.
        """
        if plan.refusals:
            raise HeadwaterError(
                "The plan cannot be applied:\n" + "\n".join(f"  {refusal}" for refusal in plan.refusals),
                next_command="headwater plan",
            )
        for starts, stages in groupby(plan.stages, lambda stage: isinstance(stage, SubmitJob)):
            if starts:
                self._run_together(list(stages))
            else:
                for stage in stages:
                    self._tell(stage.describe())
                    self._run(stage)

    def _run_together(self, stages: Sequence[Stage]) -> None:
        """Start some jobs at the same time: most of a start is Flink's own work for that job alone."""

        def run(stage: Stage) -> None:
            self._tell(stage.describe())
            self._run(stage)

        with ThreadPoolExecutor(max_workers=_STARTS_AT_ONCE) as pool:
            outcomes = [pool.submit(run, stage) for stage in stages]
        for outcome in outcomes:
            outcome.result()

    @singledispatchmethod
    def _run(self, stage: Stage) -> None:
        raise TypeError(f"no way to carry out a {type(stage).__name__}")

    @_run.register
    def _(self, stage: CreateTopic) -> None:
        self._broker.create(stage.topic)

    @_run.register
    def _(self, stage: CreateTable) -> None:
        self._engine.execute(create_table(stage.model))

    @_run.register
    def _(self, stage: AddColumns) -> None:
        self._engine.execute([add_columns(stage.model, stage.columns)])

    @_run.register
    def _(self, stage: ResetOptions) -> None:
        self._engine.execute([reset_options(stage.model, stage.keys)])

    @_run.register
    def _(self, stage: SetOptions) -> None:
        self._engine.execute([set_options(stage.model, dict(stage.options))])

    @_run.register
    def _(self, stage: StopWithSavepoint) -> None:
        self._savepoints[stage.table] = self._engine.stop_with_savepoint(stage.job)
        self._tell(f"  savepoint {self._savepoints[stage.table]}")
        self._await_end(stage.job)

    @_run.register
    def _(self, stage: CancelJob) -> None:
        self._engine.cancel(stage.job)
        self._await_end(stage.job)

    @_run.register
    def _(self, stage: SubmitJob) -> None:
        state = self._state(stage)
        job_id = self._engine.submit(stage.job, state)
        self._started[stage.table] = (job_id, state.path if state else None)

    @_run.register
    def _(self, stage: WaitHealthy) -> None:
        job_id, restored = self._started.get(stage.table) or (self._running(stage.table).id, None)
        deadline = time.monotonic() + self._patience
        while True:
            health = self._engine.health(job_id)
            if is_healthy(health):
                break
            if health.state.is_final or time.monotonic() > deadline:
                raise self._unhealthy(stage, job_id, health)
            time.sleep(_POLL_SECONDS)
        if restored is not None and not _started_from(health.restored_from, restored, job_id):
            raise HeadwaterError(
                f"Job {stage.table} ({job_id}) runs, but started from {health.restored_from or 'nothing'}"
                f" instead of {restored}",
                left=f"the running job, and the state at {restored}",
                next_command="headwater logs jobmanager; cancel the job on Flink's page, then headwater apply",
            )
        self._engine.prune(stage.table, job_id)

    def _state(self, stage: SubmitJob) -> RetainedState | None:
        if not stage.resume:
            return None
        state = self._engine.retained_state(stage.table)
        savepoint = self._savepoints.get(stage.table)
        found = state.path if state else None
        if (found is None and stage.needs_state) or (savepoint is not None and found != savepoint):
            raise HeadwaterError(
                f"The state that {stage.table} should start from is not there: "
                f"{savepoint or 'no checkpoint or savepoint'}",
                left="the table as it is; no job runs",
                next_command=f"headwater apply --fresh {stage.table} starts it without state",
            )
        return state

    def _running(self, table: TableName) -> ActualJob:
        for job in self._engine.jobs():
            if job.model == table:
                return job
        raise HeadwaterError(f"Job {table} ended while it was waited for", next_command="headwater apply")

    def _await_end(self, job: ActualJob) -> None:
        deadline = time.monotonic() + self._patience
        while any(found.id == job.id for found in self._engine.jobs()):
            if time.monotonic() > deadline:
                raise HeadwaterError(
                    f"Job {job.model} ({job.id}) did not end within {self._patience:.0f} s",
                    left="the job, still ending",
                    next_command="headwater status, then headwater apply",
                )
            time.sleep(_POLL_SECONDS)

    def _unhealthy(self, stage: WaitHealthy, job_id: str, health: JobHealth) -> HeadwaterError:
        _, state = self._started.get(stage.table, (job_id, None))
        left = f"the state it started from, {state}" if state else "the table; the job had no earlier state"
        if not health.state.is_final:
            left += f"; the job, {health.state.value}"
        return HeadwaterError(
            f"Job {stage.table} ({job_id}) is {health.state.value} and not healthy: "
            f"{health.failure or 'no checkpoint completed, and Flink gives no reason'}",
            left=left,
            next_command="headwater logs jobmanager; correct the model, then headwater apply"
            f" (or headwater apply --fresh {stage.table} to start it without state)",
        )


def is_healthy(health: JobHealth) -> bool:
    """Running, and at least one checkpoint completed since it was submitted."""
    return health.state is JobState.RUNNING and health.checkpoints_completed > 0


def _started_from(reported: str | None, expected: Path, job_id: str) -> bool:
    """Flink names the newest restore: from the expected state or, after a failure, a checkpoint of the job's own."""
    if reported is None:
        return False
    path = local_path(reported)
    return path == expected or job_id in path.parts
