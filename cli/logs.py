"""`headwater logs`: what a process of the stack wrote."""

import time
from collections import deque
from pathlib import Path

import click

from headwater.problem import HeadwaterError
from headwater.stack import Stack


@click.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is written, until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="Lines from the end.")
def command(name: str | None, follow: bool, lines: int) -> None:
    """Show the end of a process's log: kafka, jobmanager, taskmanager, gateway, dagster-webserver, …

    Without NAME, the names there are.
    """
    stack = Stack.resolve()
    names = log_names(stack)
    if name is None:
        click.echo("\n".join(names) if names else f"No logs yet in {stack.logs}: headwater up writes them.")
        return
    if name not in names:
        raise unknown(name, names)
    file = stack.logs / f"{name}.log"
    with file.open(errors="replace") as log:
        for line in deque(log, maxlen=lines):
            click.echo(line, nl=False)
    if follow:
        _follow(file)


def log_names(stack: Stack) -> tuple[str, ...]:
    """Every process that has written a log."""
    return tuple(sorted(file.stem for file in stack.logs.glob("*.log")))


def unknown(name: str, names: tuple[str, ...]) -> HeadwaterError:
    """The error for a name that no process has."""
    known = ", ".join(names) if names else "none yet; headwater up starts them"
    return HeadwaterError(f"No process is called «{name}». There are: {known}", next_command="headwater logs NAME")


def _follow(file: Path) -> None:
    log = file.open(errors="replace")
    log.seek(0, 2)
    try:
        while True:
            line = log.readline()
            if line:
                click.echo(line, nl=False)
                continue
            if _was_rotated(file, log.tell()):
                log.close()
                log = file.open(errors="replace")
                continue
            time.sleep(0.3)
    except KeyboardInterrupt:
        pass
    finally:
        log.close()


def _was_rotated(file: Path, position: int) -> bool:
    try:
        return file.stat().st_size < position
    except FileNotFoundError:
        return False
