"""`headwater apply`: make what is declared be there."""

import json
import sys
from typing import Any

import click

from cli.options import choices, chosen
from headwater.stack import Stack


@click.command()
@choices
@click.option("--yes", is_flag=True, help="Do not ask before jobs that run are stopped.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {stages: [text], jobs: [{model, id, url}], undeclared: [{model, id, …}]}.",
)
def command(warehouse: str | None, yes: bool, as_json: bool, **given: Any) -> None:
    """Carry out the plan: the very stages that `headwater plan` shows.

    Each job is stopped with a savepoint before it is started again from it, and counts as started only when it runs
    and has completed a checkpoint. Applying again when a stage failed goes on from what is there.

    A job starts from the newest state there is. When that one is damaged or lost, nothing older is taken for it until
    --from names one (headwater savepoints lists them): the job then reads and writes again what came after it.

    A job that no model declares is named and left running, unless --stop-undeclared asks for its end.
    """
    from cli.undeclared import as_dict, lines
    from headwater.plan.stages import CancelJob, StopWithSavepoint
    from resources.deploy import deploy, plan

    stack = Stack.resolve(warehouse)
    wanted = chosen(**given)
    if not yes and sys.stdin.isatty():
        stops = [s for s in plan(stack, **wanted).stages if isinstance(s, StopWithSavepoint | CancelJob)]
        if stops:
            for stage in stops:
                click.echo(stage.describe(), err=True)
            click.confirm("Go on?", abort=True, err=True)
    done = deploy(stack, lambda line: click.echo(line, err=True), **wanted)
    if as_json:
        jobs = [{"model": str(name), "id": job.id, "url": job.url} for name, job in done.jobs.items()]
        undeclared = [as_dict(job) for job in done.undeclared]
        click.echo(json.dumps({"stages": done.stages, "jobs": jobs, "undeclared": undeclared}, indent=2))
    elif done.stages:
        click.echo(f"Applied {len(done.stages)} stages; {len(done.jobs)} jobs run.")
    else:
        click.echo("Nothing to do: every declared table is there and its job runs as declared.")
    if not as_json:
        for line in lines(done.undeclared, ()):
            click.echo(line)
