"""Looking at the whole stack: one picture of processes, jobs, tables, lags and Dagster."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from headwater.cost.bill import Bill
from headwater.engines import ActualJob
from headwater.model import TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.applylog import applied
from resources.declarations import warehouse
from resources.local.dagster import WEBSERVER
from resources.status import StackStatus, status
from resources.watch.dagster import DagsterEye
from resources.watch.picture import DagsterPicture, Picture

# Asking Flink of every job's checkpoints, restarts and failures, and Dagster of its daemons, costs both some work, and
# the platform is to take next to none. What moves at once is seen at once: the state of processes and jobs.
_CLOSER_EVERY = timedelta(seconds=25)


class Looker:
    """Looks at one stack, again and again.

    Args:
        stack: Which.
        dagster: Looks at the stack's Dagster, when there is one.
        costs: Gives the newest bill.
        clock: The time, UTC.
    """

    def __init__(
        self,
        stack: Stack,
        dagster: DagsterEye,
        costs: Callable[[], Bill | None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stack = stack
        self._dagster = dagster
        self._costs = costs
        self._clock = clock
        self._declared = Warehouse(stack.warehouse, ())
        self._seen = DagsterPicture()
        self._closest: StackStatus | None = None

    def look(self) -> Picture:
        """Look at everything. What cannot be reached is part of the picture, not an error."""
        at = self._clock()
        mistakes = self._read()
        found = self._look_at_stack(at)
        return Picture(
            at=at,
            status=found,
            lags=tuple(table.lag for table in found.tables if table.lag is not None),
            dagster=self._look_at_dagster(found, at),
            declarations=mistakes,
            warehouse=self._declared,
            applies=applied(self._stack),
            bill=self._costs(),
        )

    def _read(self) -> str:
        """Read the declarations; give why they cannot be read. Those of before then go on being looked after."""
        try:
            self._declared = warehouse(self._stack)
        except HeadwaterError as error:
            return error.failed
        return ""

    def _look_at_stack(self, at: datetime) -> StackStatus:
        before = self._closest
        if before is not None and at - before.at < _CLOSER_EVERY:
            found = status(self._stack, details=False, declared=self._declared)
            if _jobs(found) == _jobs(before) and found.unreachable == before.unreachable:
                return replace(found, jobs=before.jobs)
        self._closest = status(self._stack, declared=self._declared)
        return self._closest

    def _look_at_dagster(self, found: StackStatus, at: datetime) -> DagsterPicture:
        webserver = next((process for process in found.processes if process.name == WEBSERVER), None)
        if webserver is None:
            return DagsterPicture()
        if webserver.state != "RUNNING":
            self._seen = DagsterPicture(unreachable=f"{WEBSERVER} is {webserver.state}", at=at)
        elif self._seen.unreachable or self._seen.at is None or at - self._seen.at >= _CLOSER_EVERY:
            self._seen = self._dagster.look(at)
        return self._seen


def _jobs(found: StackStatus) -> tuple[tuple[TableName, ActualJob | None], ...]:
    """What a listing tells of the jobs: ids and states."""
    return tuple((job.model, job.job) for job in found.jobs)
