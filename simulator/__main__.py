"""`python -m simulator live|replay`: the same as `headwater simulate`, without the rest of the command line."""

import sys

import click

from headwater.problem import HeadwaterError
from simulator.command import command


def main() -> None:
    """Run the simulator; a HeadwaterError becomes a message and exit status 1 or 3."""
    try:
        command.main(prog_name="python -m simulator")
    except HeadwaterError as error:
        click.echo(str(error), err=True)
        sys.exit(3 if error.unreachable else 1)


if __name__ == "__main__":
    main()
