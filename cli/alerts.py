"""`headwater alerts`: what is wrong and who was told, silences, and whether alerts arrive."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.clock import elapsed, local
from cli.options import Lasting
from headwater.stack import Stack

# Ten seconds lie between two looks; after so long something is amiss with what looks.
_OLD = timedelta(minutes=2)

_JSON = "{as_of, incidents: […], silences: […], unsent: […]}; with --history {history: [{at, change, title, incident}]}"


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON: {_JSON}.")
@click.option("--history", is_flag=True, help="What was told so far, newest first.")
@click.option("--last", default=50, show_default=True, type=click.IntRange(1), help="With --history: how many.")
@click.pass_context
def command(context: click.Context, as_json: bool, history: bool, last: int) -> None:
    """Show what is wrong, put together by its cause; who is told is declared in alerts.yaml.

    Messages go to the addresses in HEADWATER_NOTIFY (apprise's URLs, such as mailto://, slack:// or jsons://, apart by
    commas or spaces) as they were when the stack was started, and to the log of the process «watch».

    Exit status 1 when something is wrong that is not silenced.
    """
    if context.invoked_subcommand is not None:
        return
    from resources.alerting.book import Book
    from resources.alerting.report import report

    book = Book.of(Stack.resolve())
    if history:
        told = book.history(last)
        click.echo(json.dumps({"history": told}, indent=2)) if as_json else _show_history(told)
        return
    now = datetime.now(UTC)
    found = report(book, now)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show(found, now)
    is_loud = any(incident["state"] == "open" and not incident["silenced"] for incident in found["incidents"])
    raise click.exceptions.Exit(1 if is_loud else 0)


@command.command()
@click.argument("pattern")
@click.option("--for", "lasting", type=Lasting(), required=True, help="How long, as 30m, 2h or 1d.")
@click.option("--reason", required=True, help="Why, for whoever looks at a silenced alert.")
def silence(pattern: str, lasting: timedelta, reason: str) -> None:
    """Tell nobody of what PATTERN matches, for a while.

    PATTERN is a table, process, sensor or other subject, or kind and subject, with * and ? as in a shell: dwd.orders,
    'dm.*', 'job:dwd.*', kafka, '*'. What is silenced is still shown, and told if it holds when the silence ends.
    """
    from resources.alerting.book import Book

    made = Book.of(Stack.resolve()).add_silence(pattern, datetime.now(UTC) + lasting, reason)
    click.echo(
        f"{pattern} is silenced until {local(made.until)}. To end it before: headwater alerts unsilence {made.id}"
    )


@command.command()
@click.argument("id_", metavar="ID")
def unsilence(id_: str) -> None:
    """End a silence before its time. headwater alerts shows the ID of each.

    Exit status 1 when there is none of this ID.
    """
    from resources.alerting.book import Book

    ended = Book.of(Stack.resolve()).end_silence(id_)
    click.echo(f"The silence {id_} has ended." if ended else f"There is no silence {id_}.")
    raise click.exceptions.Exit(0 if ended else 1)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {destinations: [{name, from, taken, error}]}.")
def test(as_json: bool) -> None:
    """Send a message to every destination that this shell's environment holds, and say what came of it.

    The stack sends to those that it was started with: set HEADWATER_NOTIFY before headwater up.

    Exit status 1 when one did not take it, or there is none.
    """
    from resources.alerting.trial import trial
    from resources.declarations import warehouse

    stack = Stack.resolve()
    tried = trial(warehouse(stack).alerts)
    if as_json:
        rows = [
            {"name": each.name, "from": each.variable, "taken": not each.error, "error": each.error or None}
            for each in tried
        ]
        click.echo(json.dumps({"destinations": rows}, indent=2))
    else:
        for each in tried:
            mark, outcome = ("✗", each.error) if each.error else ("✓", "taken")
            click.echo(f"{mark} {each.name or 'no address'}  ({each.variable})  {outcome}")
    raise click.exceptions.Exit(1 if any(each.error for each in tried) else 0)


def _show(found: dict[str, Any], now: datetime) -> None:
    console = Console()
    for incident in found["incidents"]:
        _show_incident(console, incident, now)
    if not found["incidents"]:
        click.echo("Nothing is wrong." if found["as_of"] else "Nothing has been looked at yet.")
    for each in found["silences"]:
        until = local(datetime.fromisoformat(each["until"]))
        click.echo(f"silenced  {each['pattern']} until {until}: {each['reason']} ({each['id']})")
    if found["unsent"]:
        console.print(_unsent(found["unsent"]))
    as_of = datetime.fromisoformat(found["as_of"]) if found["as_of"] else None
    if as_of is None or now - as_of > _OLD:
        click.echo("Nobody looks at the stack at the moment: headwater status, headwater logs watch", err=True)
    click.echo(f"as of {local(as_of)}")


def _show_incident(console: Console, incident: dict[str, Any], now: datetime) -> None:
    mark = "·" if incident["silenced"] else "✗"
    style = "dim" if incident["silenced"] else "red" if incident["severity"] == "error" else "yellow"
    console.print(f"{mark} {incident['words']}", style=style, markup=False, highlight=False, soft_wrap=True)
    since = datetime.fromisoformat(incident["since"])
    lines = {
        "promise": incident["promise"],
        "reality": incident["reality"],
        "hop": incident["hop"],
        "since": f"{local(since)} ({elapsed(now - since)})",
        "owner": incident["owner"],
        "affects": ", ".join(incident["affects"]),
        "look at": incident["url"],
        "next": incident["next"],
        "silenced": incident["silenced"],
        "incident": incident["id"],
    }
    for name, value in lines.items():
        if value:
            console.print(f"    {name + ':':<10} {value}", markup=False, highlight=False, soft_wrap=True)


def _show_history(told: list[dict[str, Any]]) -> None:
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("at", "incident", "change", "what"):
        shown.add_column(name, no_wrap=name != "what")
    for each in told:
        at = local(datetime.fromisoformat(each["at"]))
        shown.add_row(at, each["incident"]["id"], each["change"], each["incident"]["words"])
    Console().print(shown)
    if not told:
        click.echo("Nobody was told of anything yet.")


def _unsent(messages: list[dict[str, Any]]) -> Table:
    """What destinations have not taken yet, each kept until it has."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("not taken by", "incident", "change", "tries", "next try", "why"):
        shown.add_column(name, justify="right" if name == "tries" else "left", no_wrap=name != "why")
    for each in messages:
        due = local(datetime.fromisoformat(each["next_attempt_at"]))
        tries = str(each["attempts"])
        shown.add_row(each["destination"], each["incident"], each["change"], tries, due, each["error"] or "")
    return shown
