"""The process `dashboard`: `python -m serving.dashboard`."""

import logging
import os
import sys

import click

from headwater.problem import HeadwaterError
from headwater.stack import Stack


@click.command()
@click.option("--port", type=int, help="Where it listens; default: the stack's, HEADWATER_PORT_DASHBOARD.")
@click.option("--warehouse", type=click.Path(file_okay=False), help="Folder of declarations; default: the stack's.")
def main(port: int | None, warehouse: str | None) -> None:
    """Serve the declared dashboards."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    stack = Stack.resolve(warehouse)
    # Before NiceGUI is imported, which makes the folder that it keeps things in.
    os.environ["NICEGUI_STORAGE_PATH"] = str(stack.home / "dashboard")
    # NiceGUI takes a process that inherits this for a test of its own, and listens elsewhere.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    from serving.dashboard.server import serve
    from serving.dashboard.settings import from_environment

    try:
        serve(stack, from_environment(port or stack.ports.dashboard))
    except HeadwaterError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
