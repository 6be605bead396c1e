"""Back to the version that ran before, when the new one does not get going: same savepoint, same table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headwater.engines import StreamEngine
from headwater.model import TableName
from headwater.plan.earlier import way_on
from headwater.plan.health import await_healthy, end_job_of
from headwater.problem import HeadwaterError


@dataclass
class _Stopped:
    """A job that a plan stopped, and what it has done to the job's table since.

    Args:
        savepoint: Where the job left its state.
        snapshot: The table's newest snapshot then; None when it had none.
        undo: Statements that take back what was altered, in the order in which they are to run.
    """

    savepoint: Path
    snapshot: int | None
    undo: list[str] = field(default_factory=list)


class Recovery:
    """Remembers what a plan has stopped and altered, and takes it back.

    Args:
        engine: The Flink cluster.
        tell: Told a line for what is done.
        patience: Seconds that a job may take to end, and to be healthy.
    """

    def __init__(self, engine: StreamEngine, tell: Callable[[str], None], *, patience: float) -> None:
        self._engine = engine
        self._tell = tell
        self._patience = patience
        self._stopped: dict[TableName, _Stopped] = {}

    def stopped(self, table: TableName, savepoint: Path, snapshot: int | None) -> None:
        """A job has ended with this savepoint, its table at this snapshot."""
        self._stopped[table] = _Stopped(savepoint, snapshot)

    def altered(self, table: TableName, undo: Sequence[str]) -> None:
        """The table was altered; these statements take that back."""
        if table in self._stopped:
            self._stopped[table].undo[:0] = undo

    def forget(self, table: TableName) -> None:
        """There is no way back: the table holds the rows of the new version."""
        self._stopped.pop(table, None)

    def savepoint(self, table: TableName) -> Path | None:
        """The savepoint that the model's job was stopped with, None when it was not."""
        return self._stopped[table].savepoint if table in self._stopped else None

    def return_to_previous(self, table: TableName) -> bool:
        """End what runs, take back what was altered, and start the previous version from its savepoint.

        A commit of the version that failed is taken back too: the older state would take its own commits for done,
        since they have the same numbers (https://paimon.apache.org/docs/master/maintenance/manage-snapshots/).

        Gives False when there is nothing to return to: the job was not stopped by this plan.

        Raises:
            HeadwaterError: The previous version did not come back; its savepoint and the tagged snapshot are left.
        """
        stopped = self._stopped.get(table)
        if stopped is None:
            return False
        self._tell(f"return {table} to its previous version")
        state = next((s for s in self._engine.retained_states(table) if s.path == stopped.savepoint), None)
        if state is None:
            way = way_on(self._engine, table, stopped.savepoint)
            raise HeadwaterError(f"its savepoint {stopped.savepoint} is gone", next_command=way)
        job, plan = self._engine.deployed_job(state), self._engine.deployed_plan(state)
        if job is None or plan is None:
            raise HeadwaterError(f"How the previous version of {table} was deployed is not known any more")
        end_job_of(self._engine, table, patience=self._patience)
        # Its checkpoints belong to commits that are about to be taken back: nobody may ever start from them.
        self._engine.discard_after(table, stopped.savepoint)
        if stopped.snapshot is not None:
            self._engine.roll_back(table, stopped.snapshot)
        if stopped.undo:
            self._engine.execute(stopped.undo)
        started = self._engine.submit_plan(job, plan, state)
        await_healthy(self._engine, table, started, state.path, patience=self._patience)
        self._engine.prune(table, started)
        return True
