"""The dashboard (serving.dashboard) as one of the local stack's processes."""

import sys

from resources.local.program import Program

NAME = "dashboard"


def program() -> Program:
    """It starts once the tables are there: before, it would only say that they are not."""
    return Program(NAME, [sys.executable, "-m", "serving.dashboard"], autostart=False)
