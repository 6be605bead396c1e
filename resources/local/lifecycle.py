"""Starting and stopping the local stack as a whole."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources import jars
from resources.local import dagster as dagster_processes
from resources.local import dashboard, disk, flink, kafka, keeper, owned, ports, ready, simulator, supervisor, watch
from resources.local import serving as serving_processes
from resources.local.program import Program

PROJECT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Step:
    """How far one step of a start or a stop has come.

    Args:
        name: The step.
        detail: What there is to say of it, in a few words.
        done: It has ended.
        arrived: Bytes that have arrived of a download, or None when the step is none.
        total: Bytes that the download has.
    """

    name: str
    detail: str = ""
    done: bool = False
    arrived: int | None = None
    total: int | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}" if self.detail else self.name


OnStep = Callable[[Step], None]


def ignore(_step: Step) -> None:
    """For callers that do not show progress."""


def start(
    stack: Stack, *, dagster: bool = True, serving: bool = True, demo: bool = False, on_event: OnStep = ignore
) -> None:
    """Start Kafka, Flink and the SQL gateway, and wait until they answer.

    What an earlier stack of this state folder left behind, running or on disk, is cleaned up first.

    Args:
        stack: Where it lives and listens.
        dagster: With Dagster among the processes; the jobs do not need it, `start_dagster` sets it going.
        serving: With the processes that serve tables to people and programs; `start_serving` sets them going.
        demo: With the simulator among the processes; `start_simulator` sets it going.
        on_event: Told of every step, from several threads.

    Raises:
        HeadwaterError: the disk is full, a port is taken, a jar cannot be had, a process does not come up.
    """
    disk.check_room(stack.home)
    clean_up(stack, on_event)
    ports.check_free(stack.ports, dagster=dagster, serving=serving)
    fetch_jars(stack, on_event)
    with step("Configuration", on_event):
        programs = _prepare(stack, dagster=dagster, serving=serving, demo=demo)
        stack.write()
    supervisor.launch(stack, programs, PROJECT)
    _wait_for_all(stack, [ready.KAFKA, ready.FLINK, ready.GATEWAY], on_event)
    if dagster:
        # It loads the definitions in the pauses that starting the jobs leaves.
        supervisor.start(stack, dagster_processes.CODE_SERVER)


def start_dagster(stack: Stack, on_event: OnStep = ignore) -> None:
    """Start Dagster and wait until it shows the definitions; tell when they do not load.

    The web page and the daemon come after the jobs: on two cores, what starts at once takes longer, and the tables are
    what people wait for.

    Raises:
        HeadwaterError: it does not come up.
    """
    supervisor.start(stack, dagster_processes.CODE_SERVER)
    ready.wait_for(stack, ready.CODE_SERVER)
    for name in (dagster_processes.WEBSERVER, dagster_processes.DAEMON):
        supervisor.start(stack, name)
    _wait_for_all(stack, [ready.DAGSTER], on_event)
    problem = ready.definitions_problem(stack)
    if problem:
        on_event(Step("Definitions", f"{problem}; see headwater logs {dagster_processes.CODE_SERVER}", done=True))


def start_serving(stack: Stack) -> None:
    """Set going what serves tables to people and programs; `await_serving` waits for it."""
    for name in (serving_processes.FEEDER, serving_processes.API, dashboard.NAME):
        supervisor.start(stack, name)


def await_serving(stack: Stack, on_event: OnStep = ignore) -> None:
    """Wait until API and dashboard answer.

    Raises:
        HeadwaterError: it does not come up.
    """
    _wait_for_all(stack, [ready.API, ready.DASHBOARD], on_event)


def start_simulator(stack: Stack) -> None:
    """Set the simulator going, once there is a warehouse that reads what it writes."""
    supervisor.start(stack, simulator.NAME)


def stop_simulator(stack: Stack) -> None:
    """Stop the simulator, so that nothing arrives while the jobs stop."""
    supervisor.stop(stack, simulator.NAME)


def stop(stack: Stack, *, seconds: float = 15, on_event: OnStep = ignore) -> None:
    """Stop every process of the stack, whether its supervisor answers or not. Nothing to stop is no error.

    Args:
        stack: Whose processes.
        seconds: How long they may take to end by themselves; then they are killed.
        on_event: Told of the step.
    """
    with step("Processes", on_event, "stopped"):
        marker(stack).unlink(missing_ok=True)
        supervisor.shut_down(stack, seconds)
        owned.stop_owned(stack.home, seconds=2)
        supervisor.remove_traces(stack)


def clean_up(stack: Stack, on_event: OnStep = ignore) -> None:
    """Stop what was left running by a stack of this state folder that did not end in order."""
    left = owned.owned(stack.home)
    if left:
        stop(stack, seconds=8)
        on_event(Step("Left behind", f"stopped {len(left)} processes of an earlier start", done=True))
    marker(stack).unlink(missing_ok=True)


def fetch_jars(stack: Stack, on_event: OnStep = ignore) -> None:
    """Bring the jars that are not there yet, and check those that are.

    Raises:
        HeadwaterError: no connection, or a jar with a wrong checksum.
    """
    needed = jars.read_lock()
    target = jars.folder(stack)
    todo = jars.missing(needed, target)
    total = sum(jar.size for jar in todo)
    name = "Jars"
    target.mkdir(parents=True, exist_ok=True)
    with step(name, on_event), FileLock(target / ".lock"):
        counter = jars.Counter(lambda arrived: on_event(Step(name, arrived=arrived, total=total)))
        jars.fetch(needed, target, counter)


@contextmanager
def step(name: str, on_event: OnStep, detail: str = "") -> Iterator[None]:
    """Tell of a step's begin, and of its end with the seconds it took."""
    began = time.monotonic()
    on_event(Step(name))
    yield
    took = f"{time.monotonic() - began:.1f} s"
    on_event(Step(name, f"{detail}, {took}" if detail else took, done=True))


@contextmanager
def changing(stack: Stack) -> Iterator[None]:
    """Hold the right to start or stop this stack.

    Raises:
        HeadwaterError: another process holds it.
    """
    folder = supervisor.run_folder(stack)
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / "changing.pid"
    lock = FileLock(folder / "changing.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        by = holder.read_text().strip() if holder.exists() else "unknown"
        raise HeadwaterError(
            f"The stack in {stack.home} is being started or stopped by pid {by}",
            left="nothing was changed",
            next_command=f"wait for it, or end it with: kill {by}",
        ) from None
    try:
        holder.write_text(f"{os.getpid()}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def refuse_second(stack: Stack) -> None:
    """The stack is not up already. One whose start was cut short does not count: it is cleaned up by the next start.

    Raises:
        HeadwaterError: it runs.
    """
    pid = supervisor.pid(stack)
    if pid is not None and marker(stack).exists():
        raise HeadwaterError(
            f"The stack in {stack.home} is running already (supervisor pid {pid})",
            left="nothing was changed",
            next_command="headwater status, or headwater down; a second stack needs its own HEADWATER_HOME and ports",
        )


def marker(stack: Stack) -> Path:
    """A file that exists from the end of a complete start until the stop."""
    return supervisor.run_folder(stack) / "started"


def _prepare(stack: Stack, *, dagster: bool, serving: bool, demo: bool) -> list[Program]:
    flink.prepare(stack)
    kafka.prepare(stack)
    programs = [kafka.program(stack), *flink.programs(stack), keeper.program(), watch.program()]
    if dagster:
        dagster_processes.prepare(stack, PROJECT)
        dagster_processes.fail_lost_runs(stack)
        programs += dagster_processes.programs(stack)
    if serving:
        programs += serving_processes.programs()
        programs.append(dashboard.program())
    if demo:
        programs.append(simulator.program())
    return programs


def _wait_for_all(stack: Stack, services: list[ready.Service], on_event: OnStep) -> None:
    failed: list[BaseException] = []

    def wait(service: ready.Service) -> None:
        with step(service.title, on_event):
            ready.wait_for(stack, service, cancelled=lambda: bool(failed))

    with ThreadPoolExecutor(max_workers=len(services)) as pool:
        for waiting in as_completed([pool.submit(wait, service) for service in services]):
            if (error := waiting.exception()) is not None:
                failed.append(error)
    if failed:
        raise failed[0]
