"""`headwater doctor`: what holds on this machine, what does not, and what to do about it."""

import json
from dataclasses import asdict

import click

from headwater.stack import Stack
from resources.local.checkup import Finding, examine

_MARKS = {True: click.style("✓", fg="green"), False: click.style("✗", fg="red"), None: "–"}


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: {healthy, checks: [{name, ok, detail, next_command}]}."
)
def command(as_json: bool) -> None:
    """Check Python, Java, jars, disk, memory and ports, and, when the stack runs, every process of it.

    ✓ holds, ✗ does not (the line below says what to do), – cannot be told before the stack runs.

    Exit status 0 when nothing is wrong, 1 when something is.
    """
    findings = examine(Stack.resolve())
    healthy = all(finding.ok is not False for finding in findings)
    if as_json:
        click.echo(json.dumps({"healthy": healthy, "checks": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            click.echo(line(finding))
    raise click.exceptions.Exit(0 if healthy else 1)


def line(finding: Finding) -> str:
    """One check for people; when it does not hold, with what to do."""
    text = f"{_MARKS[finding.ok]} {finding.name:<12} {finding.detail}"
    return text + f"\n    next:  {finding.next_command}" if finding.ok is False else text
