"""Whether the state of a running job still means the same under a new compiled plan.

Flink restores whatever has the right id and type: sums of one expression go on as sums of another, and a source that
is read anew under kept sums counts every row twice. Nothing of that is an error to Flink, so it is refused here.
"""

from collections import defaultdict
from collections.abc import Iterable

from headwater.compile.operator_ids import Node, Plan, content, source_table

# Operators that keep nothing between two rows, or hand it over before every checkpoint (the local half of two).
_STATELESS = frozenset(
    {
        "stream-exec-async-calc",
        "stream-exec-calc",
        "stream-exec-correlate",
        "stream-exec-drop-update-before",
        "stream-exec-exchange",
        "stream-exec-expand",
        "stream-exec-local-group-aggregate",
        "stream-exec-local-window-aggregate",
        "stream-exec-mini-batch-assigner",
        "stream-exec-sink",
        "stream-exec-union",
        "stream-exec-values",
        "stream-exec-watermark-assigner",
        "stream-exec-window-table-function",
    }
)
_UNION = "stream-exec-union"


def obstacles(plan: Plan, running: Plan, *, keyed: bool) -> tuple[str, ...]:
    """Why the new plan, its ids adopted, cannot go on from the running plan's state; empty when it can.

    A stateful operator goes on when it and all above it are as they were; whole branches may join a union, and
    branches that feed no stateful operator may come, change and go.

    Args:
        plan: The new plan, its ids adopted from `running`.
        running: The plan that the state was written with.
        keyed: Rows that are written again replace themselves. Without a key they would be there twice.
    """
    new, old = _Graph(plan), _Graph(running)
    found = [] if keyed else _read_again(new, old)
    for number, node in new.nodes.items():
        if not _is_stateful(node):
            continue
        if number not in old.nodes:
            if new.sources(number) & old.nodes.keys():
                found.append(f"«{_shown(node)}» is new, and would miss the rows that its input has already given")
        elif not _same(new, number, old, number):
            before = _shown(old.nodes[number])
            found.append(f"«{_shown(node)}» would go on from the state of «{before}» over other input")
    return tuple(found)


class _Graph:
    def __init__(self, plan: Plan) -> None:
        self.nodes: dict[int, Node] = {node["id"]: node for node in plan["nodes"]}
        self._inputs: dict[int, list[int]] = defaultdict(list)
        for edge in plan["edges"]:
            self._inputs[edge["target"]].append(edge["source"])

    def inputs(self, number: int) -> list[list[int]]:
        """For each input of a node the branches that make it up: unions are seen through."""
        return [self._branches(source) for source in self._inputs[number]]

    def sources(self, number: int) -> set[int]:
        """The scans that a node's rows come from."""
        if source_table(self.nodes[number]) is not None:
            return {number}
        return set().union(*(self.sources(source) for source in self._inputs[number]))

    def _branches(self, number: int) -> list[int]:
        if _kind(self.nodes[number]) != _UNION:
            return [number]
        return [branch for source in self._inputs[number] for branch in self._branches(source)]


def _same(new: _Graph, number: int, old: _Graph, before: int) -> bool:
    """The node does what it did, over the input it had, to which whole new branches may have come."""
    node = new.nodes[number]
    if content(node) != content(old.nodes[before]):
        return False
    if (_is_stateful(node) or source_table(node) is not None) and number != before:
        return False
    pairs = zip(new.inputs(number), old.inputs(before), strict=False)
    return len(new.inputs(number)) == len(old.inputs(before)) and all(
        _extends(new, branches, old, earlier) for branches, earlier in pairs
    )


def _extends(new: _Graph, branches: Iterable[int], old: _Graph, earlier: Iterable[int]) -> bool:
    left = list(branches)
    for before in earlier:
        kept = next((branch for branch in left if _same(new, branch, old, before)), None)
        if kept is None:
            return False
        left.remove(kept)
    return all(not new.sources(branch) & old.nodes.keys() for branch in left)


def _read_again(new: _Graph, old: _Graph) -> list[str]:
    again = _scanned_only_in(old, new) & _scanned_only_in(new, old)
    return [f"{table} would be read again from its start, and its rows written twice" for table in sorted(again)]


def _scanned_only_in(graph: _Graph, other: _Graph) -> set[str]:
    only = (source_table(node) for number, node in graph.nodes.items() if number not in other.nodes)
    return {table for table in only if table is not None}


def _is_stateful(node: Node) -> bool:
    return source_table(node) is None and _kind(node) not in _STATELESS


def _kind(node: Node) -> str:
    """The node's type without its version: `stream-exec-calc_1` is a `stream-exec-calc`."""
    return node["type"].rpartition("_")[0]


def _shown(node: Node) -> str:
    return str(node.get("description") or node["type"])
