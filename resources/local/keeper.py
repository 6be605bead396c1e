"""The keeper: brings a restarted JobManager's jobs back.

A listener to supervisord's events (http://supervisord.org/events.html#event-listeners-and-event-notifications). It
waits in a read and takes no time of the processor; when the JobManager is started again, it starts `resources.resume`.
Nothing but Python's own library is imported, so that it stays small.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from headwater.stack import HOME_VARIABLE
from resources.local.program import Program

NAME = "keeper"
EVENT = "PROCESS_STATE_STARTING"


def program() -> Program:
    """The keeper as a supervised process."""
    return Program(NAME, [sys.executable, "-m", "resources.local.keeper"], listens_to=EVENT)


def keep(events: TextIO, answers: TextIO, started: Callable[[str], None]) -> None:
    """Listen until the supervisor goes away.

    Args:
        events: What the supervisor says: a line of `key:value`, the length of a payload among them, and the payload.
        answers: What it is told.
        started: Called with the name of each process that has been started.
    """
    while True:
        answers.write("READY\n")
        answers.flush()
        head = events.readline()
        if not head:
            return
        payload = _pairs(events.read(int(_pairs(head)["len"])))
        started(payload["processname"])
        answers.write("RESULT 2\nOK")
        answers.flush()


def is_first_start(log: Path, name: str) -> bool:
    """The supervisor has started this process once only, as its log tells."""
    try:
        return log.read_text().count(f"spawned: '{name}'") <= 1
    except FileNotFoundError:
        return True


def main() -> None:
    """Run as the supervisor's listener."""
    log = Path(os.environ[HOME_VARIABLE], "run", "supervisord.log")

    def started(name: str) -> None:
        if name == "jobmanager" and not is_first_start(log, name):
            sys.stderr.write("the JobManager was started again: it has lost its jobs\n")
            sys.stderr.flush()
            subprocess.run([sys.executable, "-m", "resources.resume"], stdin=subprocess.DEVNULL, check=False)

    keep(sys.stdin, sys.stdout, started)


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in text.split())


if __name__ == "__main__":
    main()
