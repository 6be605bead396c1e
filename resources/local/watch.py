"""The process `watch` (resources.watch) as one of the local stack's."""

import sys

from resources.local.program import Program

NAME = "watch"


def program() -> Program:
    """It starts with the supervisor, before anything that it looks at, and needs none of it."""
    return Program(NAME, [sys.executable, "-m", "resources.watch"])
