"""What serves tables by key, as processes of the local stack: the feeder and the data service API."""

import sys

from resources.local.program import Program

FEEDER, API = "feeder", "api"


def programs() -> tuple[Program, ...]:
    """Both, started once the warehouse stands."""
    return (
        Program(FEEDER, [sys.executable, "-m", "serving.feeder"], autostart=False, stop_seconds=5),
        Program(API, [sys.executable, "-m", "serving.api"], autostart=False, stop_seconds=5),
    )
