"""Starting jobs from compiled plans: once each, whoever is killed meanwhile, and with their state in its line."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from headwater.compile.job import JobSpec
from headwater.compile.operator_ids import Plan
from headwater.compile.text import file_uri, literal
from headwater.engines import RetainedState
from headwater.model import TableName
from headwater.plan.earlier import recounted
from resources.flink import deployment
from resources.flink.gateway import Session, StatementRefused
from resources.flink.jobmanager import JobManager
from resources.flink.planfile import executed, plan_file
from resources.flink.starts import Start, Starts
from resources.flink.statefolder import Line, StateFolder
from resources.paimon.recount import recount
from resources.paimon.store import FilesystemTableStore

# The parameter of a job that says which state it is meant to start from, and what it says of a start without.
_STARTS_FROM, _NOTHING = "headwater.starts-from", "nothing"
# PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID, which every submission honours.
_JOB_ID = "$internal.pipeline.job-id"
_STARTED_ALREADY = "DuplicateJobSubmissionException"

Bound = Callable[[JobSpec], AbstractContextManager[Session]]
"""Opens a session that a job's tables are bound in."""


class Submissions:
    """The starts of jobs of one cluster.

    Args:
        lake: The Paimon warehouse's folder.
        job_state: Where checkpoints, savepoints and compiled plans lie.
        kafka: The broker's address.
        jobmanager: Where the jobs run.
    """

    def __init__(self, lake: Path, job_state: Path, kafka: str, jobmanager: JobManager) -> None:
        self._lake = lake
        self._kafka = kafka
        self._jobmanager = jobmanager
        self._state = StateFolder(job_state)
        self._starts = Starts(job_state)

    def job(self, model: TableName, name: str) -> JobSpec | None:
        """What was submitted with a deployment, at today's addresses; None when it is gone."""
        said = self._state.submitted(model, name)
        return deployment.job(said, model, name, file_uri(self._lake), self._kafka) if said else None

    def meant_start(self, job_id: str) -> str | None:
        """The URI of the state that a job was told to start from, "" for none; None when it does not say."""
        told = self._jobmanager.parameter(job_id, _STARTS_FROM)
        return "" if told == _NOTHING else told

    def start(self, session: Session, job: JobSpec, plan: Plan, restore_from: RetainedState | None, file: Path) -> str:
        """Start a job as this plan, in a session that its tables are bound in; give its id."""
        newest = next(FilesystemTableStore(self._lake).commits(job.model), None)
        if restore_from is not None and newest is not None and newest.recounts:
            # A job that was to go back did not start; this one may go on from elsewhere.
            self.recount(restore_from)
        record = deployment.record(job, file_uri(self._lake), self._kafka)
        name = self._state.place(job.model, job.fingerprint, plan, record, self._line(job.model, restore_from))
        start = Start(uuid.uuid4().hex, name, str(restore_from.path) if restore_from else None)
        self._starts.note(job.model, start)
        try:
            executed(session, plan, file, self._placement(job, start, restore_from))
        except StatementRefused:
            self._starts.forget(job.model)
            raise
        self._starts.forget(job.model)
        return start.job

    def finish(self, model: TableName, bound: Bound) -> bool:
        """See to it that a start whose end nobody lived to see has happened, once; give True when it had to be.

        Raises HeadwaterError (unreachable): nothing is known then, and the start stays noted.
        """
        start = self._starts.under_way(model)
        if start is None:
            return False
        asked = not self._has_run(model, start) and self._asked_again(model, start, bound)
        self._starts.forget(model)
        return asked

    def recount(self, state: RetainedState) -> None:
        """Let a table tell what its job had committed by this state from what it commits after going back to it."""
        due = recounted(state, tuple(FilesystemTableStore(self._lake).commits(state.model)))
        if due is not None:
            recount(self._lake, state.model, *due)

    def _line(self, model: TableName, restore_from: RetainedState | None) -> Line:
        """The line of states that a start goes on with; a new one unless it goes on from the newest state."""
        newest = self._state.newest(model)
        if newest is not None and restore_from is not None and newest.path == restore_from.path:
            return self._state.line(newest)
        snapshot = FilesystemTableStore(self._lake).latest_snapshot(model)
        return self._state.next_line(model, snapshot.id if snapshot else 0)

    def _has_run(self, model: TableName, start: Start) -> bool:
        """The start has come to something already, or cannot any more."""
        if self._jobmanager.knows(start.job):
            return True
        states = self._state.states(model)
        left = any(state.is_of(start.job) for state in states)
        is_there = start.restored_from is None or any(str(state.path) == start.restored_from for state in states)
        return left or not is_there

    def _asked_again(self, model: TableName, start: Start, bound: Bound) -> bool:
        """Ask for the very same start; whichever of both questions Flink hears first, it starts one job."""
        job = self.job(model, start.deployment)
        plan = self._state.deployed(model, start.deployment)
        if job is None or plan is None:
            return False
        state = next((s for s in self._state.states(model) if str(s.path) == start.restored_from), None)
        try:
            with bound(job) as session, plan_file() as file:
                executed(session, plan, file, self._placement(job, start, state))
        except StatementRefused as refused:
            return _STARTED_ALREADY in refused.cause
        return True

    def _placement(self, job: JobSpec, start: Start, restore_from: RetainedState | None) -> dict[str, str]:
        """What depends on the compiled plan: the job's name and id, where its state goes, where it starts from."""
        name = start.deployment
        settings = {
            _JOB_ID: start.job,
            "pipeline.name": f"{job.model}@{name}",
            "execution.checkpointing.dir": file_uri(self._state.checkpoints(job.model, name)),
            "execution.checkpointing.savepoint-dir": file_uri(self._state.savepoints(job.model, name)),
            "pipeline.global-job-parameters": _parameters(job, restore_from),
        }
        if restore_from is not None:
            settings["execution.state-recovery.path"] = file_uri(restore_from.path)
            if restore_from.fingerprint != job.fingerprint:
                # A removed flow leaves state that nobody claims; Flink would refuse to start.
                settings["execution.state-recovery.ignore-unclaimed-state"] = "true"
        return settings


def _parameters(job: JobSpec, restore_from: RetainedState | None) -> str:
    """The job's parameters, as Flink writes a map; one says where it is meant to start, for who asks later."""
    start = literal(file_uri(restore_from.path)) if restore_from else _NOTHING
    ours = f"{_STARTS_FROM}:{start}"
    declared = dict(job.properties).get("pipeline.global-job-parameters")
    return f"{declared},{ours}" if declared else ours
