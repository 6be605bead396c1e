"""Dagster's launcher for local runs, which can also tell that a run's process is gone.

The code server fails a run whose process ends without a word. When the code server is killed with its runs, nobody
does: such a run would be «started» for ever and hold its pool, so that every later apply waits for ever too.
"""

import os

from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

_GONE = "Its process is gone. What it had asked Flink for has happened or will not; launch it again to go on from there"


class WatchedRunLauncher(DefaultRunLauncher):
    """`DefaultRunLauncher` for run monitoring (dagster._daemon.monitoring.run_monitoring), on one machine."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """See RunLauncher.supports_check_run_worker_health."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """See RunLauncher.check_run_worker_health."""
        for record in self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
            event = record.dagster_event
            said = event.engine_event_data.metadata.get("pid") if event else None
            if said is not None and not _is_of_this_stack(int(str(said.value))):
                return CheckRunHealthResult(WorkerStatus.FAILED, _GONE)
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def _is_of_this_stack(pid: int) -> bool:
    """A process of this id lives, and is no other's that got the id later."""
    import psutil

    from resources.local.owned import VARIABLE

    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(VARIABLE) == os.environ.get(VARIABLE)
    except psutil.Error:
        return False
