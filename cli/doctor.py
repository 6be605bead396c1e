"""`headwater doctor`: what holds on this machine, what does not, and what to do about it."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cli.clock import iso, local
from headwater.stack import Stack
from resources.local.checkup import Finding, examine

if TYPE_CHECKING:
    from resources.watch.probe import Change

_MARKS = {True: click.style("✓", fg="green"), False: click.style("✗", fg="red"), None: "–"}


@click.command()
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON: {healthy, checks: [{name, ok, detail, next_command}]}; with --watch, a line for each change.",
)
@click.option("--watch", is_flag=True, help="Ask again and again whether everything lives, until something dies.")
@click.option(
    "--every", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds between asking."
)
@click.option(
    "--hold", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds that make it dead."
)
@click.option("--keep-on", is_flag=True, help="Go on after a death, and tell of recoveries too.")
@click.option("--url", help="Where the process watch answers; default: the running stack's.")
def command(as_json: bool, watch: bool, every: float, hold: float, keep_on: bool, url: str | None) -> None:
    """Check Python, Java, jars, disk, memory and ports, and, when the stack runs, every process of it.

    ✓ holds, ✗ does not (the line below says what to do), – cannot be told before the stack runs.

    With --watch, be the dead man's switch: ask the stack's /healthz in intervals, and end with status 1 when a process,
    Dagster, one of its daemons, the definitions, a sensor or the asked process itself has been dead for --hold seconds.
    Run it where it does not die with the stack: on another machine, or under systemd or cron.

    Exit status 0 when nothing is wrong, 1 when something is.
    """
    if watch:
        from resources.watch.probe import ask, changes

        at = url or Stack.resolve().watch_url
        found = changes(lambda: ask(at), lambda: time.sleep(every), timedelta(seconds=hold))
        raise click.exceptions.Exit(tell(found, as_json=as_json, keep_on=keep_on))
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


def tell(found: "Iterable[Change | None]", *, as_json: bool, keep_on: bool) -> int:
    """Print each death and recovery; give 1 after the deaths of one round, unless it is to go on, and 0 on Ctrl-C."""
    died = False
    try:
        for change in found:
            if change is None:
                if died and not keep_on:
                    return 1
                continue
            died = died or not change.over
            click.echo(changed_json(change) if as_json else changed_line(change))
    except KeyboardInterrupt:
        click.echo("", err=True)
    return 0


def changed_line(change: "Change") -> str:
    """A death or a recovery for people."""
    trouble, at = change.trouble, local(change.at)
    if change.over:
        return f"{at}  {_MARKS[True]} {trouble.subject} is well again"
    return f"{at}  {_MARKS[False]} {trouble.subject} {trouble.what}\n    next:  {trouble.next_command}"


def changed_json(change: "Change") -> str:
    """The same for programs."""
    trouble = change.trouble
    said = {"subject": trouble.subject, "what": trouble.what, "next": trouble.next_command}
    return json.dumps({"at": iso(change.at), "dead": not change.over, **said})
