"""The core's `StreamEngine` over a Flink session cluster: submission as compiled plans, lifecycle, retained state."""

import contextlib
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headwater.compile.job import JobSpec
from headwater.compile.operator_ids import Plan, numbered
from headwater.compile.storage import create_catalog, roll_back
from headwater.compile.text import file_uri
from headwater.engines import ActualJob, JobHealth, JobListing, JobScale, RetainedState
from headwater.load import Load, Slots
from headwater.model import TableName
from headwater.plan.health import await_healthy
from headwater.problem import HeadwaterError
from headwater.verdict.judge import judge
from resources.flink import deployment
from resources.flink.gateway import Gateway, Session, StatementRefused
from resources.flink.jobmanager import TRIAL, JobManager, NotExecuting
from resources.flink.planfile import compiled, executed, plan_file
from resources.flink.rebuilder import FlinkRebuilder
from resources.flink.statefolder import StateFolder
from resources.flink.submission import Submissions
from resources.kafka import KafkaBroker
from resources.paimon import tags
from resources.paimon.store import FilesystemTableStore

_BROKER_SECONDS = 3.0
# A place in the whole INSERT, of which the author wrote a part.
_PLACE = re.compile(r" at line \d+, column \d+(?= |[.]|$)")


class FlinkEngine:
    """A Flink session cluster with an SQL gateway on this machine.

    Args:
        gateway_url: The SQL gateway's REST address.
        flink_url: The JobManager's REST address.
        lake: The Paimon warehouse's folder.
        job_state: Where checkpoints, savepoints and compiled plans lie.
        kafka: The broker's address.
    """

    def __init__(self, gateway_url: str, flink_url: str, lake: Path, job_state: Path, kafka: str) -> None:
        self._gateway = Gateway(gateway_url)
        self._jobmanager = JobManager(flink_url)
        self._lake = lake
        self._kafka = kafka
        self._state = StateFolder(job_state)
        self._submissions = Submissions(lake, job_state, kafka, self._jobmanager)
        self._judged: dict[tuple[TableName, str], Plan] = {}

    def jobs(self) -> tuple[ActualJob, ...]:
        """See StreamEngine.jobs."""
        return self._jobmanager.jobs()

    def listing(self) -> JobListing:
        """See StreamEngine.listing."""
        return self._jobmanager.listing()

    def health(self, job_id: str) -> JobHealth:
        """See StreamEngine.health."""
        return self._jobmanager.health(job_id)

    def meant_start(self, job_id: str) -> str | None:
        """See StreamEngine.meant_start."""
        return self._submissions.meant_start(job_id)

    def execute(self, statements: Sequence[str]) -> None:
        """See StreamEngine.execute."""
        with self._gateway.session({"table.local-time-zone": "UTC"}) as session:
            session.execute(create_catalog(file_uri(self._lake)))
            for statement in statements:
                session.execute(statement)

    def compile(self, job: JobSpec) -> Plan:
        """See StreamEngine.compile."""
        with _refusals_named(job, None), self._bound_session(job) as session, plan_file() as file:
            plan = compiled(session, job, file)
        # Plans name tables and no addresses, so the job can start as this one; its table waits for no second compiling.
        self._judged[job.model, job.fingerprint] = plan
        return plan

    def deployed_plan(self, state: ActualJob | RetainedState) -> Plan | None:
        """See StreamEngine.deployed_plan."""
        if isinstance(state, RetainedState):
            return self._state.plan(state)
        return self._state.deployed(state.model, self._jobmanager.deployment(state.id))

    def deployed_job(self, state: ActualJob | RetainedState) -> JobSpec | None:
        """See StreamEngine.deployed_job."""
        if isinstance(state, RetainedState):
            return self._submissions.job(state.model, self._state.deployment(state))
        return self._submissions.job(state.model, self._jobmanager.deployment(state.id))

    def submit(self, job: JobSpec, restore_from: RetainedState | None) -> str:
        """Compile the job, give its operators the ids that the state was written with, and start it.

        Raises HeadwaterError when Flink rejects a statement, when the state's plan is gone, when the state would mean
        something else under the new plan, or when the broker does not answer.
        """
        if job.broker is not None:
            _need_broker(job, job.broker, restore_from)
        job = self._sized(job, restore_from)
        with _refusals_named(job, restore_from), self._bound_session(job) as session, plan_file() as file:
            return self._submissions.start(
                session, job, self._plan(session, job, restore_from, file), restore_from, file
            )

    def submit_plan(self, job: JobSpec, plan: Plan, restore_from: RetainedState | None) -> str:
        """See StreamEngine.submit_plan."""
        job = self._sized(job, restore_from)
        with _refusals_named(job, restore_from), self._bound_session(job) as session, plan_file() as file:
            return self._submissions.start(session, job, plan, restore_from, file)

    def try_out(self, job: JobSpec, plan: Plan, running: ActualJob, *, patience: float) -> float:
        """See StreamEngine.try_out."""
        begun = time.monotonic()
        folder = self._state.trials(job.model)
        folder.mkdir(parents=True, exist_ok=True)
        started = ""
        try:
            savepoint = self._jobmanager.savepoint(running.id, folder)
            settings = {
                "pipeline.name": f"{TRIAL}{job.model}",
                "execution.checkpointing.dir": file_uri(folder),
                "execution.state-recovery.path": file_uri(savepoint),
                # The sink's state has nobody to go to.
                "execution.state-recovery.ignore-unclaimed-state": "true",
            }
            with self._bound_session(job) as session, plan_file() as file:
                started = executed(session, plan, file, settings)
            await_healthy(self, job.model, started, savepoint, patience=patience)
            return time.monotonic() - begun
        finally:
            if started:
                with contextlib.suppress(HeadwaterError):
                    self._jobmanager.cancel(started)
            shutil.rmtree(folder, ignore_errors=True)

    def held_slots(self, job: ActualJob) -> int:
        """See StreamEngine.held_slots."""
        return self._jobmanager.held_slots(job.id)

    def finish_start(self, model: TableName) -> bool:
        """See StreamEngine.finish_start."""
        return self._submissions.finish(model, self._bound_session)

    def scale(self, job_id: str) -> JobScale | None:
        """See StreamEngine.scale."""
        return self._jobmanager.scale(job_id)

    def rescale(self, job: ActualJob, parallelism: int) -> None:
        """See StreamEngine.rescale. It is noted beside the job's state, for when the job is started again."""
        self._jobmanager.rescale(job, parallelism, KafkaBroker(self._kafka).partitions)
        self._note(job, self._jobmanager.deployment(job.id), parallelism)

    def slots(self) -> Slots:
        """See LoadMeter.slots."""
        return Slots(*self._jobmanager.slots())

    def load(self, job_id: str) -> Load | None:
        """See LoadMeter.load."""
        return self._jobmanager.load(job_id)

    def stop_with_savepoint(self, job: ActualJob) -> Path:
        """See StreamEngine.stop_with_savepoint."""
        name = self._jobmanager.deployment(job.id)
        scale = self.scale(job.id)
        if scale is not None:
            self._note(job, name, scale.wanted)
        try:
            return self._jobmanager.stop_with_savepoint(job.id, self._state.savepoints(job.model, name))
        except NotExecuting:
            # An earlier apply has asked for the same and did not live, or not wait, to see it done.
            self._jobmanager.await_stop(job.id)
            made = next((state for state in self._state.states(job.model) if state.is_of(job.id)), None)
            if made is None or not made.is_savepoint:
                raise
            return made.path

    def rebuilder(self) -> FlinkRebuilder:
        """What puts rebuilt tables in place, over this engine's connections."""
        return FlinkRebuilder(self._gateway, self._jobmanager, self._state, self._lake, self._kafka)

    def cancel(self, job: ActualJob) -> None:
        """See StreamEngine.cancel."""
        self._jobmanager.cancel(job.id)

    def retained_state(self, model: TableName) -> RetainedState | None:
        """See StreamEngine.retained_state."""
        return self._state.newest(model)

    def retained_states(self, model: TableName) -> tuple[RetainedState, ...]:
        """See StreamEngine.retained_states."""
        return self._state.states(model)

    def pair(self, model: TableName, savepoint: Path) -> int | None:
        """See StreamEngine.pair."""
        snapshot = FilesystemTableStore(self._lake).latest_snapshot(model)
        if snapshot is None:
            return None
        tags.create(self._lake, model, snapshot.id, savepoint.name)
        self._state.pair(savepoint, snapshot.id, savepoint.name)
        return snapshot.id

    def roll_back(self, model: TableName, snapshot_id: int) -> None:
        """See StreamEngine.roll_back."""
        newest = FilesystemTableStore(self._lake).latest_snapshot(model)
        if newest is not None and newest.id != snapshot_id:
            self.execute([roll_back(model, snapshot_id)])

    def recount(self, state: RetainedState) -> None:
        """See StreamEngine.recount."""
        self._submissions.recount(state)

    def discard_after(self, model: TableName, state: Path) -> None:
        """See StreamEngine.discard_after."""
        for tag in self._state.discard_after(model, state):
            tags.delete(self._lake, model, tag)

    def expire(self, model: TableName, keep: int) -> tuple[Path, ...]:
        """See StreamEngine.expire."""
        old = [state.path for state in self._state.states(model) if state.is_savepoint][keep:]
        for tag in self._state.expire(old):
            tags.delete(self._lake, model, tag)
        return tuple(old)

    def prune(self, model: TableName, job_id: str) -> None:
        """See StreamEngine.prune."""
        for tag in self._state.prune(model, job_id):
            tags.delete(self._lake, model, tag)

    def close(self) -> None:
        """Close the connections."""
        self._gateway.close()
        self._jobmanager.close()

    @contextmanager
    def _bound_session(self, job: JobSpec) -> Iterator[Session]:
        with self._gateway.session(dict(job.properties)) as session:
            for statement in job.bindings:
                session.execute(statement)
            yield session

    def _sized(self, job: JobSpec, restore_from: RetainedState | None) -> JobSpec:
        """The job with the parallelism that it had when it left its state."""
        record = self._state.job(restore_from) if restore_from else None
        return job.sized(deployment.parallelism(record) if record else None)

    def _note(self, job: ActualJob, name: str, parallelism: int) -> None:
        record = self._state.submitted(job.model, name)
        if record is not None:
            self._state.note(job.model, name, deployment.with_parallelism(record, parallelism))

    def _plan(self, session: Session, job: JobSpec, restore_from: RetainedState | None, file: Path) -> Plan:
        if restore_from is None:
            return numbered(compiled(session, job, file))
        running = self._state.plan(restore_from)
        if running is None:
            raise HeadwaterError(
                f"The compiled plan that {restore_from.path} belongs to is gone, so its state cannot be mapped",
                left=f"the state at {restore_from.path}",
                next_command=f"headwater apply --fresh {job.model} starts the job without state",
            )
        if restore_from.fingerprint == job.fingerprint:
            return running
        plan = self._judged.get((job.model, job.fingerprint)) or compiled(session, job, file)
        judgement = judge(plan, running, keyed=job.keyed)
        if not judgement.verdict.outcome.keeps_state:
            raise HeadwaterError(
                f"Job {job.model} cannot go on from its state: "
                + "; ".join(map(str, judgement.verdict.because(judgement.verdict.outcome))),
                left=f"the state at {restore_from.path}; no job writes {job.model}",
                next_command=f"put the SQL back and run headwater apply to go on from that state,"
                f" or headwater apply --fresh {job.model} to read all input again",
            )
        return judgement.plan


@contextmanager
def _refusals_named(job: JobSpec, restore_from: RetainedState | None) -> Iterator[None]:
    """Say of a refused statement whose it is and where the job's state waits."""
    try:
        yield
    except StatementRefused as refused:
        raise HeadwaterError(
            f"Flink refused the SQL of {job.model}: {_PLACE.sub('', refused.cause)}",
            left=_left(job, restore_from),
            next_command="correct the model, then headwater apply; Flink's whole answer: headwater logs gateway",
        ) from refused


def _need_broker(job: JobSpec, broker: str, restore_from: RetainedState | None) -> None:
    """A Kafka source looks for its broker for a minute, in which its job runs and completes checkpoints."""
    host, _, port = broker.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_BROKER_SECONDS).close()
    except OSError as error:
        raise HeadwaterError(
            f"No Kafka broker answers at {broker}, from which {job.model} reads: {error.strerror or error}",
            left=_left(job, restore_from),
            next_command="headwater status, or headwater doctor; then headwater apply",
            unreachable=True,
        ) from error


def _left(job: JobSpec, restore_from: RetainedState | None) -> str:
    state = f"its state at {restore_from.path}" if restore_from else "no state"
    return f"the table {job.model}, {state}; no job writes it"
