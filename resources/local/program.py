"""One process of the local stack, as it is to be run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Program:
    """A process that the supervisor keeps running.

    Args:
        name: How people call it, in `headwater logs` and `status`.
        command: The command line.
        environment: Variables on top of the stack's own.
        autostart: Started with the supervisor; otherwise on demand.
        stop_seconds: How long it may take to end on SIGTERM before it is killed.
        niceness: How far it stands back for the others where processors are short, 0 to 19 (nice(1)).
        listens_to: An event of the supervisor's that it is told on stdin, and answers on stdout; "" for none.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    autostart: bool = True
    stop_seconds: int = 8
    niceness: int = 0
    listens_to: str = ""
