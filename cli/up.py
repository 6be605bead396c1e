"""`headwater up`: the whole stack on this machine."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue

import click

from cli.progress import showing_steps
from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.local import dashboard, lifecycle, serving, supervisor
from resources.local.lifecycle import OnStep, Step

# Together with the simulator's five, within the 30 s that stopping may take.
_JOB_SECONDS = 15
_PROCESS_SECONDS = 7


@click.command()
@click.option("--detach", is_flag=True, help="Return once everything is healthy; headwater down stops it.")
@click.option("--demo/--no-demo", default=True, show_default=True, help="Run the order simulator as a source.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="Folder of declarations; default: ./warehouse.")
def command(detach: bool, demo: bool, warehouse: str | None) -> None:
    """Start Kafka, Flink, the SQL gateway, Dagster, API, dashboard and simulator; make the declared jobs run.

    Everything lives in one state folder (.headwater, or HEADWATER_HOME) and listens on loopback only. Jobs go on from
    their last savepoint, or, after a crash, from their last checkpoint. Without --detach the tables' state is shown
    until Ctrl-C, which does what headwater down does.

    \b
    Ports are set by HEADWATER_PORT_DAGSTER, _FLINK, _FLINK_RPC, _GATEWAY, _KAFKA, _KAFKA_CONTROLLER,
    _WATCH, _API and _DASHBOARD.
    HEADWATER_JARS names a jar folder to share between stacks, HEADWATER_MIN_FREE_GB the disk space asked for.

    Exit status 0 when all went well, 1 when something did not.
    """
    require_python()
    stack = Stack.resolve(warehouse)
    with sigterm_like_ctrl_c():
        failure = bring_up(stack, demo)
        click.echo(addresses(stack))
        if failure is not None:
            click.echo(f"\n{failure}\n\nThe processes run; the jobs that were not touched run on.", err=True)
        if detach:
            raise click.exceptions.Exit(0 if failure is None else 1)
        stay(stack)


def bring_up(stack: Stack, demo: bool) -> HeadwaterError | None:
    """Start processes, apply the warehouse, start the simulator. A half-made start is stopped again.

    Gives the error when the processes run but the warehouse could not be applied: then they are left for a look.
    """
    from resources import declarations, deploy

    declared = declarations.warehouse(stack)  # mistakes in the declarations are told before anything starts
    failure = None
    with lifecycle.changing(stack):
        lifecycle.refuse_second(stack)
        with showing_steps() as on_event:
            demo = demo and has_demo_sources(declared, on_event)
            try:
                lifecycle.start(stack, demo=demo, on_event=on_event)
                # Once its topics are there it need not wait for the jobs; they are made as declared, not as it would.
                early = demo and demo_topics() <= deploy.topics(stack)
                if early:
                    start_simulator(stack, on_event)
                try:
                    apply(stack, on_event)
                except HeadwaterError as error:
                    failure = error
                if demo and not early:
                    start_simulator(stack, on_event)
                lifecycle.start_serving(stack)
                lifecycle.start_dagster(stack, on_event)
                lifecycle.await_serving(stack, on_event)
                lifecycle.marker(stack).touch()
            except BaseException:
                take_down(stack, on_event)
                raise
    return failure


def apply(stack: Stack, on_event: OnStep) -> None:
    """Make the declared topics, tables and jobs be there. Raises HeadwaterError at the first thing that fails."""
    from resources import deploy

    with lifecycle.step("Warehouse", on_event):
        deploy.deploy(stack, lambda line: on_event(Step("Warehouse", line)))


def take_down(stack: Stack, on_event: OnStep) -> tuple[str, ...]:
    """Stop the simulator, every job with a savepoint, and every process; give what there is to say about the jobs."""
    notes: tuple[str, ...] = ()
    if supervisor.is_running(stack):
        lifecycle.stop_simulator(stack)
        with lifecycle.step("Jobs", on_event):
            notes = _stop_jobs(stack, on_event)
    lifecycle.stop(stack, seconds=_PROCESS_SECONDS, on_event=on_event)
    return notes


def _stop_jobs(stack: Stack, on_event: OnStep) -> tuple[str, ...]:
    from resources import deploy

    outcome: Queue[tuple[str, ...]] = Queue()

    def work() -> None:
        try:
            outcome.put(deploy.stop_jobs(stack, lambda line: on_event(Step("Jobs", line))))
        except HeadwaterError as error:
            outcome.put((f"Flink did not stop its jobs: {error.failed}", _checkpoints_left(stack)))

    # A thread that may be left behind: a Flink that hangs must not keep the processes running.
    threading.Thread(target=work, daemon=True).start()
    try:
        return outcome.get(timeout=_JOB_SECONDS)
    except Empty:
        return f"Flink did not stop its jobs within {_JOB_SECONDS} s", _checkpoints_left(stack)


def _checkpoints_left(stack: Stack) -> str:
    return f"Nothing is lost: the next headwater up goes on from the newest checkpoints in {stack.job_state}"


def start_simulator(stack: Stack, on_event: OnStep) -> None:
    """Set the demo's source going."""
    lifecycle.start_simulator(stack)
    on_event(Step("Simulator", "started", done=True))


def has_demo_sources(declared: Warehouse, on_event: OnStep) -> bool:
    """The warehouse reads what the simulator writes; a warehouse of other tables has no use for it."""
    missing = demo_topics() - {model.topic.name for model in declared.sources if model.topic}
    if missing:
        on_event(Step("Simulator", f"off: this warehouse does not declare {', '.join(sorted(missing))}", done=True))
    return not missing


def demo_topics() -> frozenset[str]:
    """What the simulator writes."""
    from simulator.record import TOPICS

    return frozenset(TOPICS)


def stay(stack: Stack) -> None:
    """Show the tables' state until Ctrl-C, SIGTERM, or until somebody else stops the stack; then stop it."""
    from cli.status import live

    gone = threading.Event()

    def watch() -> None:
        while not gone.wait(2):
            if not supervisor.is_running(stack):
                gone.set()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        live(stack, gone)
        click.echo("The stack was stopped by another command.", err=True)
    except KeyboardInterrupt:
        gone.set()
        click.echo("", err=True)
        with lifecycle.changing(stack), showing_steps() as on_event:
            notes = take_down(stack, on_event)
        for note in notes:
            click.echo(note, err=True)


def addresses(stack: Stack) -> str:
    """Where to look."""
    return (
        f"\n  Dashboard    {dashboard.url(stack)}"
        f"\n  Dagster      {stack.dagster_url}"
        f"\n  Flink        {stack.flink_url}"
        f"\n  SQL gateway  {stack.gateway_url}"
        f"\n  Kafka        {stack.kafka}"
        f"\n  API          {serving.url(stack)}/v1"
        f"\n  Metrics      {stack.watch_url}/metrics"
        f"\n  Health       {stack.watch_url}/healthz"
        f"\n  Logs         {stack.logs}\n"
    )


def require_python(version: tuple[int, int] = (sys.version_info[0], sys.version_info[1])) -> None:
    """This is Python 3.11. Raises HeadwaterError for any other, which Flink's Python package does not install on."""
    if version != (3, 11):
        raise HeadwaterError(
            f"Headwater needs Python 3.11; this is Python {version[0]}.{version[1]}",
            next_command="install Python 3.11, remove .venv, then: make up",
        )


@contextmanager
def sigterm_like_ctrl_c() -> Iterator[None]:
    """SIGTERM ends the command in order, as Ctrl-C does, and so does SIGINT in a job that a shell told to ignore it."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
