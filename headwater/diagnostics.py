"""Mistakes found in one SQL file, each at its place."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from sqlglot import exp

from headwater.problem import Position, Problem


class Diagnostics:
    """Collects the problems of one text; the same one is kept once."""

    def __init__(self, sql: str, file: Path) -> None:
        self.sql = sql
        self.file = file
        self._found: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything found so far, in order."""
        return tuple(self._found)

    def position(self, offset: int) -> Position:
        """The place of a character, counted from 0."""
        before = self.sql[:offset]
        return Position(self.file, before.count("\n") + 1, offset - before.rfind("\n"))

    def place(self, node: exp.Expr) -> Position:
        """Where a node begins; sqlglot knows it of identifiers, literals and calls."""
        starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
        return self.position(min(starts) if starts else 0)

    def add(self, position: Position, message: str, advice: str = "") -> None:
        """Note a mistake."""
        self._found[Problem(position, message, advice)] = None

    def problem(self, node: exp.Expr, message: str, advice: str = "") -> None:
        """Note a mistake at the place of a node."""
        self.add(self.place(node), message, advice)


def closest(word: str, known: Iterable[str]) -> str:
    """«Did you mean x?», or "" when nothing known is near."""
    names = list(known)
    near = get_close_matches(word, names, n=1) or [name for name in names if name.lower() == word.lower()]
    return f"Did you mean {near[0]}?" if near else ""
