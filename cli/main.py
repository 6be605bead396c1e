"""The entry point: finds the sub-command, prints errors, sets the exit status."""

import importlib
import sys

import click

from headwater.problem import HeadwaterError

COMMANDS = {
    "up": "cli.up",
    "down": "cli.down",
    "status": "cli.status",
    "logs": "cli.logs",
    "doctor": "cli.doctor",
    "validate": "cli.validate",
    "test": "cli.test",
    "plan": "cli.plan",
    "apply": "cli.apply",
    "scale": "cli.scale",
    "savepoints": "cli.savepoints",
    "maintain": "cli.maintain",
    "backfill": "cli.backfill",
    "history": "cli.history",
    "reopen": "cli.reopen",
    "query": "cli.query",
    "check": "cli.check",
    "parity": "cli.parity",
    "replay": "cli.replay",
    "lag": "cli.lag",
    "alerts": "cli.alerts",
    "cost": "cli.cost",
    "key": "cli.key",
    "bench": "cli.bench",
    "simulate": "cli.simulate",
    "user": "cli.user",
}


class _Commands(click.Group):
    """Imports a sub-command only when it is asked for, so that `headwater --help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        return None if module is None else importlib.import_module(module).command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="headwater")
def cli() -> None:
    """One set of tables, declared once as SQL, at two speeds.

    Start with:  headwater up       the whole stack on this machine
                 headwater status   what runs, and how far behind it is
                 headwater plan     what a change of the declarations would do

    Exit status: 0 fine, 1 the answer is "no", 2 wrong use, 3 a system is not reachable.
    """


def main() -> None:
    """Run the command line; a HeadwaterError becomes a message on stderr and exit status 1 or 3."""
    try:
        # Outside its standalone mode click gives the status of an Exit back instead of raising it.
        status = cli.main(standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except HeadwaterError as error:
        click.echo(str(error), err=True)
        sys.exit(3 if error.unreachable else 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(1)
