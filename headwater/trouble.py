"""What is wrong right now, in a sentence, and what to do about it. Jobs are judged in headwater.health."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be.

    Args:
        subject: The table whose job it is, or the process.
        what: What is wrong with it.
        next_command: What to do.
    """

    subject: str
    what: str
    next_command: str

    def __str__(self) -> str:
        return f"{self.subject} {self.what}\n  next:  {self.next_command}"


def process_trouble(name: str, state: str, restarts: int) -> Trouble | None:
    """What is wrong with a process of the local stack, or None.

    Args:
        name: As `headwater logs` calls it.
        state: The supervisor's word.
        restarts: How often it was started again.
    """
    if state in ("RUNNING", "STARTING"):
        return None
    what = f"is {state}"
    if state in ("BACKOFF", "EXITED"):
        what += f": it ends again and again ({restarts} restarts), and is tried again with growing pauses"
    elif state == "FATAL":
        what += ": it has ended too often and was given up"
    again = "; then headwater down and headwater up" if state == "FATAL" else ""
    return Trouble(name, what, f"headwater logs {name}{again}")
