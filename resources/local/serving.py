"""What serves tables by key, as processes of the local stack: the feeder and the data service API."""

import os
import sys

from headwater.stack import API_CERTIFICATE, API_HOST, Stack
from resources.local.program import Program

FEEDER, API = "feeder", "api"


def programs() -> tuple[Program, ...]:
    """Both, started once the warehouse stands."""
    return (
        Program(FEEDER, [sys.executable, "-m", "serving.feeder"], autostart=False, stop_seconds=5),
        Program(API, [sys.executable, "-m", "serving.api"], autostart=False, stop_seconds=5),
    )


def url(stack: Stack) -> str:
    """Where the API can be reached from this machine."""
    host = os.environ.get(API_HOST, "")
    scheme = "https" if os.environ.get(API_CERTIFICATE) else "http"
    if host in ("", "0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{stack.ports.api}"
