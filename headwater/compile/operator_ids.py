"""Operator ids of our own: a new compiled plan takes over the ids of the plan that the job's state belongs to.

Flink builds an operator's id from the id of its node in the compiled plan, and those are a counter of the gateway's
JVM, different at every compile. State maps when the matching node keeps its number. Pure functions over plan JSON
(https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/sql/execute/).
"""

import copy
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

Plan = dict[str, Any]
Node = dict[str, Any]

# What may differ without touching what a node does: its number, the sentence that describes it, how long its state
# lives; and the places at which a scan finds its columns in the table, since their names and types stand beside them
# and the node after it filters again.
_NUMBERED = frozenset({"id", "description"})
_VOLATILE = _NUMBERED | {"ttl"}
_PLACES = frozenset({"projectedFields", "inputIndex"})
_SCAN = "scanTableSource"
# Operators that keep nothing between two rows, or hand it over before every checkpoint (the local half of two).
_STATELESS = frozenset(
    {
        "async-calc",
        "calc",
        "correlate",
        "drop-update-before",
        "exchange",
        "expand",
        "local-group-aggregate",
        "local-window-aggregate",
        "mini-batch-assigner",
        "sink",
        "union",
        "values",
        "watermark-assigner",
        "window-table-function",
    }
)
_BOUND = (_SCAN, "dynamicTableSink")


def numbered(plan: Plan) -> Plan:
    """The plan of a first deployment, its nodes numbered from 1 in the order they stand."""
    return _renumbered(plan, {node["id"]: position for position, node in enumerate(plan["nodes"], 1)})


def adopted(plan: Plan, running: Plan, pairs: Mapping[int, int] | None = None) -> Plan:
    """The new plan with the ids of the running one where nodes match; all others get ids never used there.

    Nodes match when they do the same over the same inputs; then sources and sinks of the same table; then, but for
    operators that keep state, what is left of a kind on both sides with equal content, or when only one of its kind
    is left.

    Args:
        plan: The new plan.
        running: The plan whose ids are taken over.
        pairs: Nodes of the new plan already matched, with their ids there and in the running one.
    """
    matches: dict[int, int] = dict(pairs or {})
    for new_keys, old_keys in (
        (_lineages(plan, _exact_contents(plan)), _lineages(running, _exact_contents(running))),
        (_lineages(plan, _contents(plan)), _lineages(running, _contents(running))),
        (_tables(plan), _tables(running)),
        (_passing(plan, _contents(plan)), _passing(running, _contents(running))),
        (_passing(plan, _kinds(plan)), _passing(running, _kinds(running))),
    ):
        _match(matches, new_keys, old_keys)
    free = max((node["id"] for node in running["nodes"]), default=0) + 1
    for node in plan["nodes"]:
        if node["id"] not in matches:
            matches[node["id"]] = free
            free += 1
    return _renumbered(plan, matches)


def _match(matches: dict[int, int], new_keys: dict[int, str], old_keys: dict[int, str]) -> None:
    """Pair nodes not yet paired whose key stands for exactly one of them on either side."""
    taken = set(matches.values())
    new_left = {node: key for node, key in new_keys.items() if node not in matches}
    old_left = {node: key for node, key in old_keys.items() if node not in taken}
    old_by_key: dict[str, list[int]] = defaultdict(list)
    for node, key in old_left.items():
        old_by_key[key].append(node)
    counts = Counter(new_left.values())
    for node, key in new_left.items():
        if counts[key] == 1 and len(old_by_key[key]) == 1:
            matches[node] = old_by_key[key][0]


def _lineages(plan: Plan, contents: dict[int, str]) -> dict[int, str]:
    """For each node a digest of what it does and of everything above it."""
    inputs: dict[int, list[int]] = defaultdict(list)
    for edge in plan["edges"]:
        inputs[edge["target"]].append(edge["source"])
    digests: dict[int, str] = {}

    def digest(node: int) -> str:
        if node not in digests:
            digests[node] = _hash([contents[node], *(digest(source) for source in inputs[node])])
        return digests[node]

    return {node["id"]: digest(node["id"]) for node in plan["nodes"]}


def content(node: Node) -> str:
    """A digest of what a node does, its inputs left out. Nodes with equal content do the same to equal input."""
    return _hash({key: _without(value, _places(key)) for key, value in node.items() if key not in _VOLATILE})


def kind(node: Node) -> str:
    """What a node is, without the engine's prefix and version: `calc` for `stream-exec-calc_1`."""
    return node["type"].rpartition("_")[0].removeprefix("stream-exec-")


def is_stateful(node: Node) -> bool:
    """What the operator keeps between two rows is part of a savepoint; unknown kinds count as such. Not for sources."""
    return source_table(node) is None and kind(node) not in _STATELESS


def source_table(node: Node) -> str | None:
    """The table that a node scans, as bound in the session; None for other nodes."""
    return node[_SCAN]["table"]["identifier"] if _SCAN in node else None


def _places(key: str) -> frozenset[str]:
    return _VOLATILE | _PLACES if key == _SCAN else _VOLATILE


def _without(value: Any, dropped: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, dropped) for key, inner in value.items() if key not in dropped}
    return [_without(inner, dropped) for inner in value] if isinstance(value, list) else value


def _passing(plan: Plan, keys: dict[int, str]) -> dict[int, str]:
    """The keys of nodes without state."""
    stateful = {node["id"] for node in plan["nodes"] if is_stateful(node)}
    return {node: key for node, key in keys.items() if node not in stateful}


def _contents(plan: Plan) -> dict[int, str]:
    return {node["id"]: content(node) for node in plan["nodes"]}


def _exact_contents(plan: Plan) -> dict[int, str]:
    return {node["id"]: _hash(_without(node, _NUMBERED)) for node in plan["nodes"]}


def _tables(plan: Plan) -> dict[int, str]:
    """Sources and sinks by the table they are bound to; other nodes are left out."""
    keys = {}
    for node in plan["nodes"]:
        for field in _BOUND:
            if field in node:
                keys[node["id"]] = f"{node['type']} {node[field]['table']['identifier']}"
    return keys


def _kinds(plan: Plan) -> dict[int, str]:
    """Nodes by type alone, sources and sinks left out: another table's source is never taken for this one."""
    bound = _tables(plan)
    return {node["id"]: node["type"] for node in plan["nodes"] if node["id"] not in bound}


def _renumbered(plan: Plan, ids: dict[int, int]) -> Plan:
    renumbered = copy.deepcopy(plan)
    for node in renumbered["nodes"]:
        node["id"] = ids[node["id"]]
    for edge in renumbered["edges"]:
        edge["source"], edge["target"] = ids[edge["source"]], ids[edge["target"]]
    return renumbered


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
