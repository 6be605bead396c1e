"""The core's `StreamEngine` over a Flink session cluster: submission as compiled plans, lifecycle, retained state."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from headwater.compile.job import JobSpec
from headwater.compile.operator_ids import Plan, adopted, numbered
from headwater.compile.storage import create_catalog
from headwater.compile.text import literal
from headwater.engines import ActualJob, JobHealth, RetainedState
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.flink.gateway import Gateway, Session
from resources.flink.jobmanager import JobManager
from resources.flink.statefolder import StateFolder


class FlinkEngine:
    """A Flink session cluster with an SQL gateway on this machine.

    Args:
        gateway_url: The SQL gateway's REST address.
        flink_url: The JobManager's REST address.
        lake: The Paimon warehouse's folder.
        job_state: Where checkpoints, savepoints and compiled plans lie.
    """

    def __init__(self, gateway_url: str, flink_url: str, lake: Path, job_state: Path) -> None:
        self._gateway = Gateway(gateway_url)
        self._jobmanager = JobManager(flink_url)
        self._lake = lake
        self._state = StateFolder(job_state)

    def jobs(self) -> tuple[ActualJob, ...]:
        """See StreamEngine.jobs."""
        return self._jobmanager.jobs()

    def health(self, job_id: str) -> JobHealth:
        """See StreamEngine.health."""
        return self._jobmanager.health(job_id)

    def execute(self, statements: Sequence[str]) -> None:
        """See StreamEngine.execute."""
        with self._gateway.session({"table.local-time-zone": "UTC"}) as session:
            session.execute(create_catalog(self._lake.as_uri()))
            for statement in statements:
                session.execute(statement)

    def submit(self, job: JobSpec, restore_from: RetainedState | None) -> str:
        """Compile the job, give its operators the ids that the state was written with, and start it.

        Raises HeadwaterError when Flink rejects a statement, or when the state's plan is gone.
        """
        with self._gateway.session(dict(job.properties)) as session:
            for statement in job.bindings:
                session.execute(statement)
            deployment = self._state.place(job.model, job.fingerprint, self._plan(session, job, restore_from))
            for key, value in self._placement(job, deployment, restore_from).items():
                session.execute(f"SET {literal(key)} = {literal(value)}")
            file = self._state.plan_file(job.model, deployment)
            return session.execute(f"EXECUTE PLAN {literal(file.as_uri())}")["jobID"]

    def stop_with_savepoint(self, job: ActualJob) -> Path:
        """See StreamEngine.stop_with_savepoint."""
        deployment = self._jobmanager.deployment(job.id)
        return self._jobmanager.stop_with_savepoint(job.id, self._state.savepoints(job.model, deployment))

    def cancel(self, job: ActualJob) -> None:
        """See StreamEngine.cancel."""
        self._jobmanager.cancel(job.id)

    def retained_state(self, model: TableName) -> RetainedState | None:
        """See StreamEngine.retained_state."""
        return self._state.newest(model)

    def prune(self, model: TableName, job_id: str) -> None:
        """See StreamEngine.prune."""
        self._state.prune(model, job_id)

    def close(self) -> None:
        """Close the connections."""
        self._gateway.close()
        self._jobmanager.close()

    def _placement(self, job: JobSpec, deployment: str, restore_from: RetainedState | None) -> dict[str, str]:
        """What depends on the compiled plan: the job's name, where its state goes, and where it starts from."""
        settings = {
            "pipeline.name": f"{job.model}@{deployment}",
            "execution.checkpointing.dir": self._state.checkpoints(job.model, deployment).as_uri(),
            "execution.checkpointing.savepoint-dir": self._state.savepoints(job.model, deployment).as_uri(),
        }
        if restore_from is not None:
            settings["execution.state-recovery.path"] = restore_from.path.as_uri()
            if restore_from.fingerprint != job.fingerprint:
                # A removed flow leaves state that nobody claims; Flink would refuse to start.
                settings["execution.state-recovery.ignore-unclaimed-state"] = "true"
        return settings

    def _plan(self, session: Session, job: JobSpec, restore_from: RetainedState | None) -> Plan:
        if restore_from is None:
            return numbered(self._compiled(session, job))
        running = self._state.plan(restore_from)
        if running is None:
            raise HeadwaterError(
                f"The compiled plan that {restore_from.path} belongs to is gone, so its state cannot be mapped",
                left=f"the state at {restore_from.path}",
                next_command=f"headwater apply --fresh {job.model} starts the job without state",
            )
        if restore_from.fingerprint == job.fingerprint:
            return running
        return adopted(self._compiled(session, job), running)

    def _compiled(self, session: Session, job: JobSpec) -> Plan:
        with tempfile.TemporaryDirectory(prefix="headwater-plan-") as folder:
            file = Path(folder) / "plan.json"
            session.execute(f"COMPILE PLAN {literal(file.as_uri())} FOR {job.insert}")
            return json.loads(file.read_text())
