"""The demo's order simulator as a supervised process; started by hand once the warehouse stands."""

import sys

from headwater.stack import Stack
from resources.local.program import Program

NAME = "simulator"


def program(stack: Stack) -> Program:
    """The simulator in its live mode."""
    command = [sys.executable, "-m", "simulator", "live", "--home", str(stack.home)]
    return Program(NAME, command, autostart=False, stop_seconds=5)
