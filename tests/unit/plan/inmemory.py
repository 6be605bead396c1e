"""A stream engine that only remembers what it was told."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from headwater.compile.job import JobSpec
from headwater.compile.operator_ids import Plan
from headwater.engines import (
    ActualJob,
    ForeignJob,
    JobHealth,
    JobListing,
    JobScale,
    JobState,
    RetainedState,
    SavepointLost,
)
from headwater.load import Slots
from headwater.model import TableName, Topic
from headwater.problem import HeadwaterError

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)


def job(model: str, fingerprint: str, state: JobState = JobState.RUNNING, number: str = "j1") -> ActualJob:
    return ActualJob(number, TableName.parse(model), fingerprint, state, NOW, f"http://flink/{number}")


def retained(model: str, fingerprint: str = "f0", *, savepoint: bool = True, path: str = "") -> RetainedState:
    kind = "savepoint-1" if savepoint else "chk-7"
    return RetainedState(TableName.parse(model), fingerprint, Path(path or f"/state/{kind}"), NOW, savepoint)


def health(
    state: JobState = JobState.RUNNING, checkpoints: int = 1, restored: str | None = None, failure: str = ""
) -> JobHealth:
    return JobHealth(state, checkpoints, restored, NOW, 0, failure)


class InMemoryEngine:
    """Jobs come by `submit` and go by `stop_with_savepoint` and `cancel`; `calls` has everything in order.

    Args:
        jobs: Running at first.
        states: The newest state of each model.
        healths: What `health` answers, one after the other, the last one for ever. None: healthy, from the state given.
    """

    def __init__(
        self,
        jobs: Iterable[ActualJob] = (),
        states: Iterable[RetainedState] = (),
        healths: Sequence[JobHealth] | None = None,
    ) -> None:
        self.calls: list[str] = []
        self.tried: list[str] = []
        self.refusal = ""
        self.plans: dict[TableName, Plan] = {}
        self.deployed_plans: dict[TableName, Plan] = {}
        self.savepoint = Path("/state/savepoint-2")
        self._jobs = list(jobs)
        self._states = {state.model: state for state in states}
        self._healths = list(healths) if healths is not None else None
        self._restored: dict[str, str | None] = {}
        self.deployed: dict[Path, JobSpec] = {}
        self.running_as: dict[TableName, JobSpec] = {}
        self.snapshot: int | None = None
        self.scales: dict[str, JobScale] = {}
        self.free = 15
        self._progress = 1
        self.foreign: tuple[ForeignJob, ...] = ()
        self.loses_savepoints = False
        self._endings = 0
        self._ended: set[str] = set()

    def jobs(self) -> tuple[ActualJob, ...]:
        if self._endings:
            self._endings -= 1
            if not self._endings:
                self._jobs = [found for found in self._jobs if found.id not in self._ended]
        return tuple(self._jobs)

    def listing(self) -> JobListing:
        return JobListing(self.jobs(), foreign=self.foreign)

    def meant_start(self, job_id: str) -> str | None:
        return self._restored.get(job_id)

    def health(self, job_id: str) -> JobHealth:
        if self._healths is None:
            self._progress += 1 if job_id in self.scales else 0
            return health(checkpoints=self._progress, restored=self._restored.get(job_id))
        return self._healths.pop(0) if len(self._healths) > 1 else self._healths[0]

    def execute(self, statements: Sequence[str]) -> None:
        self.calls += [statement.split("(")[0].strip() for statement in statements]

    def compile(self, job: JobSpec) -> Plan:
        return self.plans[job.model]

    def deployed_plan(self, state: ActualJob | RetainedState) -> Plan | None:
        return self.deployed_plans.get(state.model)

    def deployed_job(self, state: ActualJob | RetainedState) -> JobSpec | None:
        if isinstance(state, ActualJob):
            return self.running_as.get(state.model)
        return self.deployed.get(state.path)

    def submit_plan(self, job: JobSpec, plan: Plan, restore_from: RetainedState | None) -> str:
        del plan
        return self.submit(job, restore_from)

    def submit(self, job: JobSpec, restore_from: RetainedState | None) -> str:
        self.calls.append(f"submit {job.model} from {restore_from.path if restore_from else 'nothing'}")
        number = f"new-{job.model}"
        self._restored[number] = f"file:{restore_from.path}" if restore_from else None
        self._jobs.append(ActualJob(number, job.model, job.fingerprint, JobState.RUNNING, NOW, ""))
        return number

    def try_out(self, job: JobSpec, plan: Plan, running: ActualJob, *, patience: float) -> float:
        del plan, patience
        self.tried.append(f"{job.model} from {running.id}: {job.bindings[-1].split('(')[0].strip()}")
        if self.refusal:
            raise HeadwaterError(self.refusal)
        return 3.25

    def rebuilder(self) -> None:
        """Nothing is rebuilt here."""

    def held_slots(self, job: ActualJob) -> int:
        del job
        return 1

    def finish_start(self, model: TableName) -> bool:
        del model
        return False

    def scale(self, job_id: str) -> JobScale | None:
        return self.scales.get(job_id, JobScale(1, 1))

    def rescale(self, job: ActualJob, parallelism: int) -> None:
        self.calls.append(f"rescale {job.model} to {parallelism}")
        self.scales[job.id] = JobScale(parallelism, parallelism)

    def slots(self) -> Slots:
        return Slots(self.free, 16)

    def stop_with_savepoint(self, job: ActualJob) -> Path:
        self.calls.append(f"stop {job.model}")
        if self.loses_savepoints:
            raise SavepointLost(f"Job {job.id} failed while its savepoint was made")
        self._states[job.model] = RetainedState(job.model, job.fingerprint, self.savepoint, NOW, True)
        self._end(job)
        return self.savepoint

    def cancel(self, job: ActualJob) -> None:
        self.calls.append(f"cancel {job.model}")
        self._end(job)

    def retained_state(self, model: TableName) -> RetainedState | None:
        return self._states.get(model)

    def retained_states(self, model: TableName) -> tuple[RetainedState, ...]:
        return (self._states[model],) if model in self._states else ()

    def pair(self, model: TableName, savepoint: Path) -> int | None:
        del savepoint
        self.calls.append(f"pair {model}")
        return self.snapshot

    def roll_back(self, model: TableName, snapshot_id: int) -> None:
        self.calls.append(f"roll back {model} to {snapshot_id}")

    def recount(self, state: RetainedState) -> None:
        self.calls.append(f"recount {state.model} from {state.checkpoint}")

    def discard_after(self, model: TableName, state: Path) -> None:
        self.calls.append(f"discard after {state.name} of {model}")

    def expire(self, model: TableName, keep: int) -> tuple[Path, ...]:
        self.calls.append(f"expire {model} but {keep}")
        return (Path("/state/savepoint-0"),)

    def prune(self, model: TableName, job_id: str) -> None:
        self.calls.append(f"prune {model} {job_id}")

    def checkpoint(self, model: str) -> None:
        """Let the model's job complete a checkpoint."""
        (found,) = (found for found in self._jobs if str(found.model) == model)
        path = Path(f"/state/{found.id}/chk-1")
        self._states[found.model] = RetainedState(found.model, found.fingerprint, path, NOW, False)

    def forget(self, model: str) -> None:
        """Lose the model's state."""
        del self._states[TableName.parse(model)]

    def _end(self, job: ActualJob) -> None:
        """A job is still listed for a moment after it was told to end."""
        self._ended = {job.id}
        self._endings = 2


class InMemoryBroker:
    """A broker that has these topics; `made` has those created, in order."""

    def __init__(self, *names: str) -> None:
        self._names = set(names)
        self.made: list[str] = []

    def topics(self) -> frozenset[str]:
        return frozenset(self._names)

    def create(self, topic: Topic) -> None:
        self.made.append(topic.name)
        self._names.add(topic.name)
