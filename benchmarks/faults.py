"""Faults as they come: a process killed, an apply cut short, state damaged or lost. Each is done, and then mended the
way the documentation says; what happens by itself is left to happen by itself.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

from headwater.engines import ActualJob, JobState, RetainedState
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import deploy, engine
from resources.local import ready
from resources.local.processes import processes
from resources.paimon.store import FilesystemTableStore

_PATIENCE_SECONDS = 240.0
_LOOK_SECONDS = 1.0  # a look at every job's health is dozens of requests, which the jobs would wait for
_NO_ROOM_SECONDS = 4.0


@dataclass
class Ground:
    """Where faults happen.

    Args:
        stack: A running stack; its warehouse is a copy that may be edited.
        random: Every choice is taken from it, so that the same seed makes the same choices.
        edits: How often a model was edited.
    """

    stack: Stack
    random: Random
    edits: int = 0

    def models(self) -> list[TableName]:
        """Every model that has a job."""
        return [model.name for model in warehouse(self.stack).streaming]

    def choose(self) -> TableName:
        """One of them."""
        return self.random.choice(self.models())

    def choose_written(self) -> TableName:
        """One whose table has rows: without, a job that starts from nothing loses nothing."""
        store = FilesystemTableStore(self.stack.lake)
        return self.random.choice([name for name in self.models() if store.latest_snapshot(name) is not None])

    def kill(self, *names: str) -> None:
        """Kill processes of the stack, at once."""
        for process in processes(self.stack):
            if process.name in names and process.pid is not None:
                os.kill(process.pid, signal.SIGKILL)

    def job(self, model: TableName) -> ActualJob:
        """The model's job."""
        with engine(self.stack) as flink:
            return next(job for job in flink.jobs() if job.model == model)

    def states(self, model: TableName) -> tuple[RetainedState, ...]:
        """The model's states, the newest first."""
        with engine(self.stack) as flink:
            return flink.retained_states(model)

    def cancel(self, model: TableName) -> None:
        """Cancel the model's job when it has two states, and wait for its end."""
        await_that(lambda: len(self.states(model)) > 1, f"two states of {model}")
        job = self.job(model)
        with engine(self.stack) as flink:
            flink.cancel(job)
            await_that(lambda: all(found.id != job.id for found in flink.jobs()), f"{model} to end")

    def edit(self) -> TableName:
        """Edit the SQL of a model so that its rows stay the same and its job does not."""
        folders = [folder for layer in ("dwd", "dm") for folder in self.stack.warehouse.glob(f"{layer}/*")]
        folder = self.random.choice(sorted(folders))
        file = sorted(folder.glob("*.sql"))[0]
        self.edits += 1
        file.write_text(f"{file.read_text().rstrip()}\n-- edit {self.edits}\n")
        return TableName.parse(f"{folder.parent.name}.{folder.name}")

    def apply(self, *, fresh: Collection[TableName] = (), earlier: Collection[Path] = ()) -> None:
        """Apply everything, in this process."""
        deploy(self.stack, lambda _line: None, fresh=fresh, earlier=earlier)

    def applying(self) -> "subprocess.Popen[str]":
        """Apply everything, in a process of its own."""
        command = [str(Path(sys.executable).parent / "headwater"), "apply", "--yes"]
        return subprocess.Popen(command, env=os.environ | self.stack.environment(), stderr=subprocess.PIPE, text=True)


def kill_taskmanager(ground: Ground) -> None:
    """Kill the TaskManager."""
    ground.kill("taskmanager")


def kill_jobmanager(ground: Ground) -> None:
    """Kill the JobManager, and with it its memory of all jobs."""
    ground.kill("jobmanager")


def kill_flink(ground: Ground) -> None:
    """Kill JobManager, TaskManager and gateway at once."""
    ground.kill("jobmanager", "taskmanager", "gateway")


def kill_gateway(ground: Ground) -> None:
    """Kill the SQL gateway."""
    ground.kill("gateway")


def kill_broker(ground: Ground) -> None:
    """Kill the Kafka broker."""
    ground.kill("kafka")


def upgrade(ground: Ground) -> None:
    """Apply an edited model."""
    ground.edit()
    ground.apply()


def kill_apply(ground: Ground) -> None:
    """Kill an apply of an edited model somewhere in the middle; apply again."""
    ground.edit()
    running = ground.applying()
    assert running.stderr is not None
    running.stderr.readline()
    time.sleep(ground.random.uniform(0.0, 2.5))
    running.kill()
    running.communicate()
    ground.apply()


def two_applies(ground: Ground) -> None:
    """Apply an edited model twice at the same time."""
    ground.edit()
    for running in [ground.applying(), ground.applying()]:
        _, said = running.communicate(timeout=_PATIENCE_SECONDS)
        if running.returncode:
            raise AssertionError(f"one of two applies failed: {said}")


def cancel_job(ground: Ground) -> None:
    """Cancel a job by hand; apply."""
    ground.cancel(ground.choose())
    ground.apply()


def set_clock_back(ground: Ground) -> None:
    """Let a job's newest state be of an earlier time than the ones before it; apply."""
    model = ground.choose()
    ground.cancel(model)
    for number, state in enumerate(ground.states(model)):
        when = time.time() - 7200 + 600 * number
        os.utime(state.path / "_metadata", (when, when))
    ground.apply()


def damage_state(ground: Ground) -> None:
    """Cut off a job's newest state; apply what the error says."""
    model = ground.choose()
    ground.cancel(model)
    metadata = ground.states(model)[0].path / "_metadata"
    metadata.write_bytes(metadata.read_bytes()[:-16])
    try:
        ground.apply()
    except HeadwaterError as error:
        offered = re.search(r"headwater apply --from (\S+)", error.next_command)
        if offered is None:
            raise
        ground.apply(earlier=[Path(offered[1])])
        return
    raise AssertionError(f"{model} started from a damaged state")


def lose_state(ground: Ground) -> None:
    """Lose every state of a job; start it without."""
    model = ground.choose_written()
    ground.cancel(model)
    for state in ground.states(model):
        shutil.rmtree(state.path)
    try:
        ground.apply()
    except HeadwaterError as error:
        if f"headwater apply --fresh {model}" not in error.failed:
            raise
        ground.apply(fresh=[model])
        return
    raise AssertionError(f"{model} started without its state and without a word")


def fill_disk(ground: Ground) -> None:
    """Let Flink write no byte for some seconds."""
    found = [psutil.Process(p.pid) for p in processes(ground.stack) if p.pid and p.name.endswith("manager")]
    for process in found:
        process.rlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    time.sleep(_NO_ROOM_SECONDS)
    for process in found:
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


FAULTS: Mapping[str, Callable[[Ground], None]] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        kill_taskmanager,
        kill_jobmanager,
        kill_flink,
        kill_gateway,
        kill_broker,
        upgrade,
        kill_apply,
        two_applies,
        cancel_job,
        set_clock_back,
        damage_state,
        lose_state,
        fill_disk,
    )
}


def drawn(random: Random, count: int) -> list[str]:
    """So many faults in random order; none comes again before all others have come."""
    faults: list[str] = []
    while len(faults) < count:
        faults += random.sample(sorted(FAULTS), len(FAULTS))
    return faults[:count]


def await_calm(ground: Ground) -> None:
    """Wait until everything answers, and every job has completed a checkpoint since.

    Raises AssertionError, with what is wrong, when that takes longer than some minutes.
    """
    before = _counts(ground)

    def calm() -> bool:
        # A job whose broker is away runs and completes checkpoints.
        services = (ready.KAFKA, ready.FLINK, ready.GATEWAY)
        if any(process.state != "RUNNING" for process in processes(ground.stack)):
            return False
        if not all(service.answers(ground.stack) for service in services):
            return False
        now = _counts(ground)
        return now.keys() >= set(ground.models()) and all(now[model] not in (before.get(model), None) for model in now)

    await_that(calm, lambda: f"every job to complete a checkpoint: {_counts(ground)}")


def _counts(ground: Ground) -> dict[TableName, tuple[str, int] | None]:
    """Each job with its completed checkpoints; None when it does not run, or has none."""
    try:
        with engine(ground.stack) as flink:
            jobs = flink.jobs()
            if len({job.model for job in jobs}) < len(jobs):
                raise AssertionError(f"two jobs write one table: {jobs}")
            healths = {job: flink.health(job.id) for job in jobs}
    except HeadwaterError:
        return {}
    return {
        job.model: (job.id, health.checkpoints_completed)
        if health.state is JobState.RUNNING and health.checkpoints_completed
        else None
        for job, health in healths.items()
    }


def await_that(holds: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Return once it holds; raise AssertionError when it does not for some minutes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what if isinstance(what, str) else what()}")
        time.sleep(_LOOK_SECONDS)
