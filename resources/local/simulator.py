"""The demo's order simulator as a supervised process; started by hand once the warehouse stands."""

import sys

from resources.local.program import Program

NAME = "simulator"


def program() -> Program:
    """The simulator in its live mode."""
    command = [sys.executable, "-m", "simulator", "live"]
    return Program(NAME, command, autostart=False, stop_seconds=5)
