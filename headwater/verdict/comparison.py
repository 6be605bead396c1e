"""Which operators and scans of a new plan do what one of the running plan does, over the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.verdict.expressions import Expression, as_text, implied, is_reference, references
from headwater.verdict.graph import PlanGraph, View
from headwater.verdict.operators import Operator, operator

Pairs = dict[int, int]
"""Operators and scans of the new plan, each with the one of the running plan that it goes on from."""


@dataclass(frozen=True)
class Match:
    """How an operator or a view of the new plan goes on from one of the running plan.

    Args:
        pairs: At and above it.
        narrowed: Conditions, as expressions, that whole keys do not meet any more. The state of all others is right.
        joined: Nodes at and above whole branches that have come to a union above it.
    """

    pairs: Pairs
    narrowed: tuple[Expression, ...] = ()
    joined: frozenset[int] = frozenset()


class Comparison:
    """Two plans, node by node. Their ids say nothing here.

    Args:
        new: The plan to deploy.
        old: The running plan.
    """

    def __init__(self, new: PlanGraph, old: PlanGraph) -> None:
        self.new = new
        self.old = old
        self._operators: dict[tuple[int, int], Match | None] = {}

    def pairs(self) -> Pairs:
        """Stateful operators first, with all above them; then the branches that lead to the sink without one."""
        found: Pairs = {}
        for number in self.new.stateful:
            for before in self.old.stateful:
                match = self.same_operator(number, before)
                if match is not None and number not in found and _agree(found, match.pairs):
                    found |= match.pairs
        for branch in self.new.branches(whole(self.new)):
            for earlier in self.old.branches(whole(self.old)):
                match = self.same_branch(branch, earlier)
                if match is not None and branch.node not in found and _agree(found, match.pairs):
                    found |= match.pairs
        return found

    def same_operator(self, number: int, before: int) -> Match | None:
        """The match of two operators that do the same over the same rows, else None.

        Whole new branches over tables that were not read may have come to a union above them, and conditions on the
        operator's own keys.
        """
        key = number, before
        if key not in self._operators:
            self._operators[key] = self._same_operator(number, before)
        return self._operators[key]

    def _same_operator(self, number: int, before: int) -> Match | None:
        new, old = operator(self.new, number), operator(self.old, before)
        if new.does != old.does or len(new.reads) != len(old.reads):
            return None
        pairs: Pairs = {number: before}
        narrowed: list[Expression] = []
        joined: frozenset[int] = frozenset()
        for view, earlier in zip(views(self.new, number, new), views(self.old, before, old), strict=True):
            found = self.same(view, earlier, new.keys)
            if found is None:
                return None
            pairs |= found.pairs
            narrowed += found.narrowed
            joined |= found.joined
        return Match(pairs, tuple(narrowed), joined)

    def same(self, view: View, earlier: View, keys: Sequence[int] = ()) -> Match | None:
        """The match of two views that give the same rows, but for whole new branches; else None.

        Args:
            view: Of the new plan.
            earlier: Of the running plan.
            keys: Places of columns on which there may be conditions more.
        """
        left = list(self.new.branches(view))
        pairs: Pairs = {}
        narrowed: list[Expression] = []
        joined: frozenset[int] = frozenset()
        for before in self.old.branches(earlier):
            for branch in left:
                found = self.same_branch(branch, before, keys)
                if found is not None:
                    left.remove(branch)
                    pairs |= found.pairs
                    narrowed += found.narrowed
                    joined |= found.joined
                    break
            else:
                return None
        return Match(pairs, tuple(narrowed), joined.union(*(self.new.above(branch.node) for branch in left)))

    def same_branch(self, branch: View, earlier: View, keys: Sequence[int] = ()) -> Match | None:
        """The match of two branches that give the same rows, else None."""
        if _texts(branch.columns) != _texts(earlier.columns):
            return None
        conditions, before = implied(branch.conditions), implied(earlier.conditions)
        by_key = references([branch.columns[key] for key in keys if is_reference(branch.columns[key])])
        narrowed = [condition for text, condition in conditions.items() if text not in before]
        if before.keys() - conditions.keys() or not all(references([condition]) <= by_key for condition in narrowed):
            return None
        return self._same_origin(branch.node, earlier.node, tuple(narrowed))

    def _same_origin(self, number: int, before: int, narrowed: tuple[Expression, ...]) -> Match | None:
        table = self.new.table(number)
        if table is None:
            match = self.same_operator(number, before)
            # An operator that has lost whole keys does not give its reader the rows that it gave.
            return Match(match.pairs, narrowed, match.joined) if match is not None and not match.narrowed else None
        if table != self.old.table(before) or self.new.scan_extras(number) != self.old.scan_extras(before):
            return None
        return Match({number: before}, narrowed)


def views(graph: PlanGraph, number: int, described: Operator) -> list[View]:
    """What an operator sees of each of its inputs."""
    return [View(source, columns) for source, columns in zip(graph.inputs(number), described.reads, strict=True)]


def whole(graph: PlanGraph) -> View:
    """What the sink sees: every column of the table."""
    source = graph.inputs(graph.sink)[0]
    return View(source, graph.columns(source))


def _agree(found: Pairs, more: Pairs) -> bool:
    """No node is paired with two."""
    taken = {before: number for number, before in found.items()}
    return all(
        found.get(number, before) == before and taken.get(before, number) == number for number, before in more.items()
    )


def _texts(expressions: Sequence[Expression]) -> list[str]:
    return [as_text(expression) for expression in expressions]
