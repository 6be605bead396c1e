"""The dashboard (serving.dashboard) as one of the local stack's processes."""

import os
import sys

from headwater.stack import Stack
from resources.local.program import Program

NAME = "dashboard"
HOST_VARIABLE = "HEADWATER_DASHBOARD_HOST"
"""The environment variable that names the address it listens on, where that is not loopback."""


def program() -> Program:
    """It starts once the tables are there: before, it would only say that they are not."""
    return Program(NAME, [sys.executable, "-m", "serving.dashboard"], autostart=False)


def url(stack: Stack) -> str:
    """Where it can be reached from this machine."""
    host = os.environ.get(HOST_VARIABLE, "")
    return stack.dashboard_url if host in ("", "0.0.0.0", "::") else f"http://{host}:{stack.ports.dashboard}"
