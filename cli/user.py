"""`headwater user`: the local accounts of people, for the dashboard's login."""

import sys

import click

from headwater.stack import Stack
from resources.accounts import Accounts


@click.group()
def command() -> None:
    """Make, list and remove the local accounts that the dashboard's login knows.

    They are heeded with HEADWATER_DASHBOARD_LOGIN=accounts, and lie in the state folder, passwords hashed.
    """


@command.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin instead of asking for it.")
def add(name: str, password_stdin: bool) -> None:
    """Make an account, or give it another password: that ends its sessions."""
    accounts = Accounts.of(Stack.resolve())
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    is_new = name not in accounts.names
    accounts.add(name, password)
    click.echo(f"{name} can log in" if is_new else f"{name} has another password")


@command.command(name="list")
def list_names() -> None:
    """List the accounts' names. Exit status 1 when there is none."""
    names = Accounts.of(Stack.resolve()).names
    for name in names:
        click.echo(name)
    raise click.exceptions.Exit(0 if names else 1)


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Take an account away; its sessions end at once."""
    Accounts.of(Stack.resolve()).remove(name)
    click.echo(f"{name} is removed")
