"""`headwater down`: stop the stack, so that the next `up` goes on where it was."""

import json
import time

import click

from cli.progress import showing_steps
from cli.up import take_down
from headwater.stack import Stack
from resources.local import lifecycle, owned


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {stopped, seconds, notes}.")
def command(as_json: bool) -> None:
    """Stop the simulator, every job with a savepoint, and every process of the stack.

    Nothing is lost or doubled: the next headwater up goes on from the savepoints. When Flink does not answer, the
    processes are stopped anyway and the jobs go on from their newest checkpoints. Stopping a stack that does not run
    is no error.
    """
    stack = Stack.resolve()
    began = time.monotonic()
    with lifecycle.changing(stack), showing_steps() as on_event:
        stopped = [process.pid for process in owned.owned(stack.home)]
        notes = take_down(stack, on_event)
    if as_json:
        click.echo(json.dumps({"stopped": len(stopped), "seconds": round(time.monotonic() - began, 1), "notes": notes}))
        return
    for note in notes:
        click.echo(note, err=True)
    click.echo("Stopped." if stopped else "Nothing was running.")
