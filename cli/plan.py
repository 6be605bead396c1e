"""`headwater plan`: what applying the declarations would do."""

import json
from typing import Any

import click

from cli.options import choices, chosen
from headwater.model import TableName
from headwater.plan.trials import Trial
from headwater.stack import Stack
from headwater.verdict.verdict import Verdict

_JSON = (
    "{stages: [{kind, table, text}], refusals: [text],"
    " verdicts: [{model, verdict, findings: [{verdict, operator, edit}], kept: [operator]}],"
    " trials: [{model, seconds, refusal}],"
    " undeclared: [{model, id, name, state, started_at, url}], foreign: [{id, name, state, url}]}"
)


@click.command()
@choices
@click.option("--trial", is_flag=True, help="Try each changed job beside the running one, writing nowhere.")
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON: {_JSON}.")
def command(warehouse: str | None, trial: bool, as_json: bool, **given: Any) -> None:
    """Show what `headwater apply` would do, as an ordered list of stages. Changes nothing.

    Compares what the warehouse folder declares with what Flink and Paimon say is there: tables to create or extend,
    jobs to start, jobs to stop with a savepoint and start again from it. A job that no model declares is named, and
    left running unless --stop-undeclared asks for its end; jobs that are not Headwater's are named and never touched.

    \b
    For each model whose running job changes it says what becomes of the job's state:
      compatible                    it goes on; rows as if the new SQL had always run
      compatible, meaning changes   it goes on; rows written before stay as they are
      needs a rebuild               the state would be misread: new rows would be wrong
      incompatible                  the table as it is cannot take what is declared

    A table that needs a rebuild can be made anew beside its running job with --rebuild: a second job reads all input
    into a second table; when it has read everything, its rows replace the table's in one commit.

    With --trial every changed job that is said to go on is really restored, from a savepoint of the running job that
    runs on beside it, until it has completed a checkpoint; it writes nowhere.

    Exit status 1 when the plan contains a difference that cannot be applied, such as a dropped column.
    """
    from cli.undeclared import as_dict, foreign_dict, lines
    from resources.deploy import plan

    wanted = chosen(**given)
    found = plan(Stack.resolve(warehouse), **wanted, trial=trial)
    if as_json:
        stages = [{"kind": type(s).__name__, "table": str(s.table), "text": s.describe()} for s in found.stages]
        verdicts = [_as_json(name, verdict) for name, verdict in found.verdicts.items()]
        trials = [
            {
                "model": str(name),
                "seconds": None if tried.refusal else round(tried.seconds, 1),
                "refusal": tried.refusal,
            }
            for name, tried in found.trials.items()
        ]
        said = {
            "stages": stages,
            "refusals": found.refusals,
            "verdicts": verdicts,
            "trials": trials,
            "undeclared": [as_dict(job) for job in found.undeclared],
            "foreign": [foreign_dict(job) for job in found.foreign],
        }
        click.echo(json.dumps(said, indent=2))
    elif found.is_empty:
        click.echo("Nothing to do: every declared table is there and its job runs as declared.")
    else:
        for name, verdict in found.verdicts.items():
            _show(name, verdict, found.trials.get(name))
        for number, stage in enumerate(found.stages, 1):
            click.echo(f"{number:3}. {stage.describe()}")
        for refusal in found.refusals:
            click.echo(f"  ✗  {refusal}")
        if not found.refusals:
            click.echo(
                "\nTo carry it out: headwater apply" + (" --stop-undeclared" if wanted["stop_undeclared"] else "")
            )
    if not as_json:
        for line in lines(found.undeclared, found.foreign):
            click.echo(line)
    raise click.exceptions.Exit(1 if found.refusals else 0)


def _show(name: TableName, verdict: Verdict, trial: Trial | None) -> None:
    outcome = verdict.outcome
    click.echo(f"{name}: {outcome.value}\n     {outcome.meaning}")
    for finding in verdict.findings:
        click.echo(f"     • {finding}" + ("" if finding.outcome is outcome else f" ({finding.outcome.value})"))
    if verdict.kept and outcome.keeps_state:
        click.echo(f"     keeps the state of {', '.join(verdict.kept)}")
    if trial is not None and not trial.refusal:
        click.echo(f"     tried: restored from the running job's state, with a checkpoint after {trial.seconds:.1f} s")
    click.echo()


def _as_json(name: TableName, verdict: Verdict) -> dict[str, object]:
    findings = [{"verdict": f.outcome.value, "operator": f.operator, "edit": f.edit} for f in verdict.findings]
    return {"model": str(name), "verdict": verdict.outcome.value, "findings": findings, "kept": verdict.kept}
