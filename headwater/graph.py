"""The order in which tables depend on each other."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def in_dependency_order(upstream: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Every node after all it depends on; among equals, the order of the mapping.

    Args:
        upstream: What each node depends on. Nodes that are not themselves in the mapping are passed over.

    Nodes on a cycle, or downstream of one, come last, in the order of the mapping: ask `cycles` for them first.
    """
    waiting = {node: len({n for n in needs if n in upstream}) for node, needs in upstream.items()}
    downstream: dict[Node, list[Node]] = {node: [] for node in upstream}
    for node, needs in upstream.items():
        for need in dict.fromkeys(needs):
            if need in downstream:
                downstream[need].append(node)
    ordered = [node for node, count in waiting.items() if count == 0]
    for node in ordered:
        for reader in downstream[node]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ordered.append(reader)
    return ordered + [node for node, count in waiting.items() if count > 0]


def cycles(upstream: Mapping[Node, Sequence[Node]]) -> list[list[Node]]:
    """A cycle through each knot of nodes: each of its nodes depends on the next, the last on the first.

    One cycle is given for each knot (strongly connected component), beginning with the node that comes first
    in the mapping; a knot of several cycles shows the next one when that one is broken.
    """
    found: list[list[Node]] = []
    done: set[Node] = set()
    for start in upstream:
        if start in done:
            continue
        cycle = _cycle_through(start, upstream)
        if cycle and not done.intersection(cycle):
            found.append(cycle)
            done.update(cycle)
    return found


def _cycle_through(start: Node, upstream: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """The shortest way from a node back to itself, or an empty list."""
    came_from: dict[Node, Node] = {}
    front = [start]
    while front:
        following: list[Node] = []
        for node in front:
            for need in upstream.get(node, ()):
                if need == start:
                    return _way(start, node, came_from)
                if need in upstream and need not in came_from:
                    came_from[need] = node
                    following.append(need)
        front = following
    return []


def _way(start: Node, end: Node, came_from: Mapping[Node, Node]) -> list[Node]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
