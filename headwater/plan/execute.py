"""Carry out a plan, stage by stage, telling what is done."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import singledispatchmethod
from itertools import groupby
from pathlib import Path

from headwater.compile.storage import add_columns, create_table, drop_columns, reset_options, set_options
from headwater.engines import ActualJob, Broker, RetainedState, SavepointLost, StreamEngine
from headwater.model import Model, TableName
from headwater.plan.catchup import catch_up
from headwater.plan.earlier import way_on
from headwater.plan.health import await_end, await_healthy, end, end_job_of, pair_when_ended
from headwater.plan.recovery import Recovery
from headwater.plan.rescaling import rescale
from headwater.plan.stages import (
    AddColumns,
    CancelJob,
    CatchUp,
    CreateTable,
    CreateTopic,
    DiscardShadow,
    Plan,
    ReplaceRows,
    RescaleJob,
    ResetOptions,
    SetOptions,
    Stage,
    StopShadow,
    StopWithSavepoint,
    SubmitJob,
    TakeAgain,
    WaitHealthy,
)
from headwater.problem import HeadwaterError
from headwater.rebuilder import Rebuilder
from headwater.shadow import shadow

STARTS_AT_ONCE = 3
"""Jobs that are started side by side."""


class Executor:
    """Executes plans on one engine.

    Args:
        engine: The Flink cluster.
        broker: The Kafka broker.
        on_event: Told one line before each stage, and one for what came of it where there is more to say; from
            several threads.
        rebuilder: Puts a shadow's rows in place of its table's; None where no plan rebuilds.
        patience: Seconds that a started job may take until it is healthy.
    """

    def __init__(
        self,
        engine: StreamEngine,
        broker: Broker,
        on_event: Callable[[str], None],
        *,
        rebuilder: Rebuilder | None = None,
        patience: float = 90.0,
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._rebuilding = rebuilder
        self._tell = on_event
        self._patience = patience
        self._started: dict[TableName, tuple[str, Path | None]] = {}
        self._recovery = Recovery(engine, on_event, patience=patience)

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
        for starts, group in groupby(plan.stages, lambda stage: isinstance(stage, SubmitJob)):
            stages = list(group)
            failures = self._run_together(stages) if starts else self._run_in_order(stages)
            if failures:
                raise self._recovered(plan, failures)

    def _run_in_order(self, stages: Sequence[Stage]) -> dict[TableName, HeadwaterError]:
        for stage in stages:
            try:
                self._tell(stage.describe())
                self._run(stage)
            except HeadwaterError as error:
                return {stage.table: error}
        return {}

    def _run_together(self, stages: Sequence[Stage]) -> dict[TableName, HeadwaterError]:
        """Start some jobs at the same time: most of a start is Flink's own work for that job alone."""
        with ThreadPoolExecutor(max_workers=STARTS_AT_ONCE) as pool:
            failures = pool.map(lambda stage: self._run_in_order([stage]), stages)
        return {table: error for failed in failures for table, error in failed.items()}

    def _recovered(self, plan: Plan, failures: dict[TableName, HeadwaterError]) -> HeadwaterError:
        """Start the previous version of every job that this plan stopped and did not get going; give the error.

        A job whose new version has started beside the one that failed is left as it is.
        """
        error = next(iter(failures.values()))
        if error.unreachable:
            return error
        to_start = dict.fromkeys(stage.table for stage in plan.stages if isinstance(stage, SubmitJob))
        back: list[str] = []
        for table in to_start:
            if table in failures or table not in self._started:
                try:
                    back += [str(table)] if self._recovery.return_to_previous(table) else []
                except HeadwaterError as second:
                    return HeadwaterError(
                        f"{error.failed}. Its previous version did not come back either: {second.failed}",
                        left=f"the savepoint {self._recovery.savepoint(table)}; no job writes {table}",
                        next_command=second.next_command
                        or "headwater logs jobmanager; put the SQL back, then headwater apply",
                    )
        if not back:
            return error
        return HeadwaterError(
            error.failed,
            left=f"the previous version of {', '.join(back)}, which runs again from its savepoint",
            next_command="correct the model, then headwater apply",
        )

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
        self._recovery.altered(stage.table, [drop_columns(stage.model, stage.columns)])

    @_run.register
    def _(self, stage: ResetOptions) -> None:
        self._engine.execute([reset_options(stage.model, stage.keys)])
        self._recovery.altered(stage.table, _put_back(stage.model, stage.keys, stage.before))

    @_run.register
    def _(self, stage: SetOptions) -> None:
        self._engine.execute([set_options(stage.model, dict(stage.options))])
        self._recovery.altered(stage.table, _put_back(stage.model, [key for key, _ in stage.options], stage.before))

    @_run.register
    def _(self, stage: StopWithSavepoint) -> None:
        try:
            savepoint = self._engine.stop_with_savepoint(stage.job)
        except SavepointLost as lost:
            # A job that fails again and again is RUNNING in between, and cannot be stopped in order.
            self._tell(f"  {lost.failed}; its newest checkpoint stands in for a savepoint")
            self._run(CancelJob(stage.job))
            return
        self._tell(f"  savepoint {savepoint}")
        snapshot = pair_when_ended(self._engine, stage.job, savepoint, patience=self._patience)
        self._recovery.stopped(stage.table, savepoint, snapshot)

    @_run.register
    def _(self, stage: CancelJob) -> None:
        end(self._engine, stage.job, patience=self._patience)

    @_run.register
    def _(self, stage: TakeAgain) -> None:
        if stage.snapshot is None:
            self._engine.recount(stage.state)
        else:
            # What came after it belongs to commits that are about to be taken back: nobody may ever start from it.
            self._engine.discard_after(stage.table, stage.state.path)
            self._engine.roll_back(stage.table, stage.snapshot)

    @_run.register
    def _(self, stage: SubmitJob) -> None:
        state = self._state(stage)
        job_id = self._engine.submit(stage.job, state)
        self._started[stage.table] = (job_id, state.path if state else None)

    @_run.register
    def _(self, stage: WaitHealthy) -> None:
        job_id, restored = self._started.get(stage.table) or (self._running(stage.table).id, None)
        await_healthy(self._engine, stage.table, job_id, restored, patience=self._patience)
        self._engine.prune(stage.table, job_id)

    @_run.register
    def _(self, stage: RescaleJob) -> None:
        rescale(self._engine, stage.job, stage.parallelism, patience=self._patience)

    @_run.register
    def _(self, stage: CatchUp) -> None:
        catch_up(stage, self._running(stage.job.model), self._engine, self._rebuilder, self._tell)

    @_run.register
    def _(self, stage: StopShadow) -> None:
        job = self._running(stage.job.model)
        savepoint = self._engine.stop_with_savepoint(job)
        self._tell(f"  savepoint {savepoint}")
        await_end(self._engine, job.model, job.id, patience=self._patience)

    @_run.register
    def _(self, stage: ReplaceRows) -> None:
        self._rebuilder.replace(stage.model)
        self._recovery.forget(stage.table)
        self._rebuilder.hand_over(stage.table)

    @_run.register
    def _(self, stage: DiscardShadow) -> None:
        end_job_of(self._engine, shadow(stage.table), patience=self._patience)
        self._rebuilder.discard(stage.table)

    @property
    def _rebuilder(self) -> Rebuilder:
        if self._rebuilding is None:
            raise TypeError("a plan that rebuilds needs a rebuilder")
        return self._rebuilding

    def _state(self, stage: SubmitJob) -> RetainedState | None:
        if not stage.resume:
            return None
        states = self._engine.retained_states(stage.table)
        wanted = stage.state or self._recovery.savepoint(stage.table)
        newest = states[0] if states else None
        state = newest if stage.state is None else next((s for s in states if s.path == stage.state), None)
        if (state is None and stage.needs_state) or (wanted is not None and (state is None or state.path != wanted)):
            raise HeadwaterError(
                f"The state that {stage.table} should start from is not there: "
                f"{wanted or 'no checkpoint or savepoint'}",
                left="the table as it is; no job runs",
                next_command=way_on(self._engine, stage.table, wanted or Path()),
            )
        return state

    def _running(self, table: TableName) -> ActualJob:
        for job in self._engine.jobs():
            if job.model == table:
                return job
        raise HeadwaterError(f"Job {table} ended while it was waited for", next_command="headwater apply")


def _put_back(model: Model, keys: Sequence[str], before: Sequence[tuple[str, str]]) -> list[str]:
    """The statements that make these options what they were."""
    were = dict(before)
    unset = [key for key in keys if key not in were]
    return [*([reset_options(model, unset)] if unset else []), *([set_options(model, were)] if were else [])]
