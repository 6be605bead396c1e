"""`headwater scale`: how many subtasks jobs have, and another number for one that runs."""

import json

import click
from rich.console import Console
from rich.table import Table

from headwater.stack import Stack
from resources.scaling import JobScaling, Scaling

_JSON = (
    "{slots: {free, total}, jobs: [{model, state, parallelism, wanted, min, max, autoscale, busy, busiest, bound,"
    " held_back, backlog, records_per_second}]}"
)


@click.command()
@click.argument("model", required=False)
@click.argument("parallelism", type=click.IntRange(1), required=False)
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON: {_JSON}.")
def command(model: str | None, parallelism: int | None, as_json: bool) -> None:
    """Show how many subtasks each job has, or let MODEL's job go on with PARALLELISM of them.

    A job is scaled while it runs, within the range that its table.yaml declares: at its next checkpoint Flink starts
    its tasks anew from there, under the same id. Nothing is lost, nothing is written twice. The command returns when
    the job has completed a checkpoint with its new parallelism.

    Busy is the share of its time that the job's busiest part works; backlog counts the records that wait in topics.

    Exit status 1 when the job cannot be scaled so: out of its range, no free slots, not running.
    """
    from cli.options import table_names
    from resources.scaling import scale, scaling

    names = table_names([model] if model else [])
    stack = Stack.resolve()
    if parallelism is not None:
        (name,) = names
        before = scale(stack, name, parallelism, lambda line: click.echo(line, err=True))
        if not as_json:
            same = before.wanted == before.running == parallelism
            click.echo(f"{name} {'has' if same else 'goes on with'} {_subtasks(parallelism)}.")
            return
    found = scaling(stack, names)
    if as_json:
        slots = {"free": found.slots.free, "total": found.slots.total}
        click.echo(json.dumps({"slots": slots, "jobs": [_as_json(job) for job in found.jobs]}, indent=2))
    else:
        Console().print(_shown(found))
        click.echo(f"\n{found.slots.free} of {found.slots.total} slots are free.")


def _shown(found: Scaling) -> Table:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("model", "state", "subtasks", "range", "autoscale", "busy", "backlog", "busiest part"):
        right = name in ("subtasks", "busy", "backlog")
        shown.add_column(name, justify="right" if right else "left", no_wrap=name != "busiest part")
    for job in found.jobs:
        load = job.load
        shown.add_row(
            str(job.model),
            job.job.state.value if job.job else "MISSING",
            _running(job),
            str(job.declared),
            job.declared.autoscale.value,
            f"{load.busy:.0%}" if load else "–",
            "–" if load is None or load.backlog is None else f"{load.backlog:,}",
            load.busiest if load else "–",
        )
    return shown


def _running(job: JobScaling) -> str:
    if job.scale is None:
        return "–"
    return str(job.scale.running) + (f" (of {job.scale.wanted})" if job.scale.running != job.scale.wanted else "")


def _as_json(job: JobScaling) -> dict[str, object]:
    scale, load = job.scale, job.load
    return {
        "model": str(job.model),
        "state": job.job.state.value if job.job else "MISSING",
        "parallelism": scale.running if scale else None,
        "wanted": scale.wanted if scale else None,
        "min": job.declared.least,
        "max": job.declared.most,
        "autoscale": job.declared.autoscale.value,
        "busy": round(load.busy, 3) if load else None,
        "busiest": load.busiest if load else None,
        "bound": load.bound if load else None,
        "held_back": round(load.held_back, 3) if load else None,
        "backlog": load.backlog if load else None,
        "records_per_second": round(load.rate, 1) if load else None,
    }


def _subtasks(number: int) -> str:
    return f"{number} subtask" + ("" if number == 1 else "s")
