"""`headwater savepoints`: the states that a model's job can start from."""

import json

import click
from rich.console import Console
from rich.table import Table

from cli.clock import iso, local
from headwater.engines import RetainedState
from headwater.stack import Stack
from resources.flink.statefolder import KEPT_SAVEPOINTS
from resources.local.disk import size_of


@click.command()
@click.argument("model")
@click.option("--expire", is_flag=True, help="Remove all savepoints but the newest ones, and their tags.")
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=KEPT_SAVEPOINTS,
    show_default=True,
    help="How many savepoints --expire leaves.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {model, expired: [path],"
    " states: [{kind, number, completed_at, version, snapshot, bytes, path}]}.",
)
def command(model: str, expire: bool, keep: int, as_json: bool) -> None:
    """List the savepoints and checkpoints that a model's job can start from, newest first.

    Each belongs to a version of the model's SQL, whose compiled plan lies beside it, and each savepoint to the table's
    snapshot when the job had ended, which a tag of the savepoint's name keeps from expiring. A job starts from the
    newest state; a version that does not get going gives way to the one before it, from that one's savepoint.

    Flink numbers checkpoints and savepoints together, and a table's commits by them. One whose number cannot be read
    is damaged; headwater apply --from STATE starts from the one before it.

    Exit status 1 when there is no state.
    """
    from cli.options import table_names
    from resources.deploy import engine

    (name,) = table_names([model])
    stack = Stack.resolve()
    with engine(stack) as flink:
        expired = flink.expire(name, keep) if expire else ()
        states = flink.retained_states(name)
    if as_json:
        found = [_as_json(state) for state in states]
        click.echo(json.dumps({"model": model, "states": found, "expired": [str(path) for path in expired]}, indent=2))
    elif states:
        Console().print(_shown(states))
        click.echo(f"\nThey lie below {stack.job_state / model}")
    else:
        click.echo(f"{model} has no savepoint and no checkpoint.")
    if expired and not as_json:
        click.echo(f"Removed {len(expired)} savepoints.")
    raise click.exceptions.Exit(0 if states else 1)


def _shown(states: tuple[RetainedState, ...]) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("state", "number", "completed", "version", "snapshot", "size"):
        shown.add_column(name, justify="right" if name in ("number", "snapshot", "size") else "left", no_wrap=True)
    for state in states:
        shown.add_row(
            state.path.name,
            "damaged" if state.checkpoint is None else str(state.checkpoint),
            local(state.completed_at),
            state.fingerprint,
            "–" if state.snapshot is None else str(state.snapshot),
            f"{size_of(state.path) / 1e6:,.1f} MB",
        )
    return shown


def _as_json(state: RetainedState) -> dict[str, object]:
    return {
        "kind": _kind(state),
        "number": state.checkpoint,
        "completed_at": iso(state.completed_at),
        "version": state.fingerprint,
        "snapshot": state.snapshot,
        "bytes": size_of(state.path),
        "path": str(state.path),
    }


def _kind(state: RetainedState) -> str:
    return "savepoint" if state.is_savepoint else "checkpoint"
