"""What is wrong with a declaration, where, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file. Lines and columns count from 1."""

    file: Path
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a declaration: the place, what is wrong, and what to do."""

    position: Position
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" + (f"\n    {self.advice}" if self.advice else "")


class HeadwaterError(Exception):
    """What failed, what state is left, and the command to run next.

    Every error that a person is meant to read derives from this one; the command line prints it without a trace.

    Args:
        failed: What failed, at which step.
        left: What is left behind (job id, savepoint path, tag), or "" when nothing changed.
        next_command: The command or edit that leads on.
        unreachable: True when a system could not be reached (exit status 3 instead of 1).
    """

    def __init__(self, failed: str, *, left: str = "", next_command: str = "", unreachable: bool = False) -> None:
        self.failed = failed
        self.left = left
        self.next_command = next_command
        self.unreachable = unreachable
        lines = [failed]
        if left:
            lines.append(f"  left:  {left}")
        if next_command:
            lines.append(f"  next:  {next_command}")
        super().__init__("\n".join(lines))


class InvalidWarehouse(HeadwaterError):
    """The declarations do not hold together. Carries every problem found, in order of file and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        super().__init__(
            f"{count} {'problem' if count == 1 else 'problems'} in the warehouse:\n"
            + "\n".join(str(problem) for problem in self.problems),
            next_command="correct the files, then: headwater validate",
        )
