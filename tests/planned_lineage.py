"""Column lineage a second way: from the plan that Flink compiles, which knows nothing of how Headwater reads SQL.

It follows each column of the sink down to the scans. What an operator keys, sorts, joins or filters by is left out;
every column that an expression refers to counts. Kinds of operators that are not known here raise.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headwater.compile.operator_ids import Node, Plan, source_table
from headwater.lineage import column_lineage
from headwater.model import Layer, Model, Origin, TableName
from headwater.verdict.graph import PlanGraph

Columns = list[frozenset[Origin]]
"""For each column of a node what its values are made of."""

_SOURCE = re.compile(r"`(?P<layer>\w+)`\.`(?P<table>[^`]+?)__(?P<binding>bound|raw)[^`]*`$")
_CHANGED = "after"
_NOTHING: frozenset[Origin] = frozenset()
_AS_THEY_COME = {
    "changelog-normalize",
    "deduplicate",
    "drop-update-before",
    "exchange",
    "mini-batch-assigner",
    "sink",
    "watermark-assigner",
}
_JOINS = {"interval-join", "join", "lookup-join", "temporal-join", "window-join"}


class PlannedLineage:
    """The lineage of the one sink of a plan.

    Args:
        plan: As Flink compiled it.
        upstream: Gives the model of a table that the plan scans.
    """

    def __init__(self, plan: Plan, upstream: Callable[[TableName], Model]) -> None:
        self._graph = PlanGraph(plan)
        self._upstream = upstream
        self._known: dict[int, Columns] = {}

    def of_sink(self) -> Mapping[str, frozenset[Origin]]:
        """For each column of the table what its values are made of."""
        sink = self._graph.sink
        return dict(zip(self._graph.names(sink), self._columns(sink), strict=True))

    def tables(self) -> frozenset[TableName]:
        """The tables that are scanned."""
        return frozenset(_table(self._graph.nodes[scan])[0] for scan in self._graph.scans)

    def _columns(self, number: int) -> Columns:
        if number not in self._known:
            self._known[number] = self._worked_out(number)
            names = self._graph.names(number)
            assert len(self._known[number]) == len(names), f"{self._graph.kind(number)} gives {names}"
        return self._known[number]

    def _worked_out(self, number: int) -> Columns:
        node, kind = self._graph.nodes[number], self._graph.kind(number)
        if self._graph.table(number) is not None:
            return self._of_scan(number, node)
        inputs = [self._columns(source) for source in self._graph.inputs(number)]
        if kind in _JOINS:
            return inputs[0] if node.get("joinSpec", {}).get("joinType") in ("SEMI", "ANTI") else inputs[0] + inputs[1]
        if kind == "union":
            return [frozenset().union(*parts) for parts in zip(*inputs, strict=True)]
        (given,) = inputs
        if kind in _AS_THEY_COME:
            return given
        if kind == "calc":
            return [self._of_expression(expression, given) for expression in node["projection"]]
        if kind == "rank":
            return given + [_NOTHING] * node["outputRowNumber"]
        if kind == "over-aggregate":
            return given + [found for group in node["overSpec"]["groups"] for found in _of_calls(group, given)]
        if kind == "window-table-function":
            return given + [given[node["windowing"]["timeAttributeIndex"]]] * 3
        if kind == "group-aggregate":
            return _of_keys(node, given) + _of_calls(node, given)
        if kind == "local-window-aggregate":
            # What it hands to the other half is not the result yet, and is not looked at.
            return _of_keys(node, given) + [_NOTHING] * (len(self._graph.names(number)) - len(node["grouping"]))
        if kind == "global-window-aggregate":
            return self._of_global_window_aggregate(number, node, given)
        raise ValueError(f"{kind}: {node['description']}")

    def _of_scan(self, number: int, node: Node) -> Columns:
        """A topic read as bytes has none of its declared columns."""
        table, is_raw = _table(node)
        return [_NOTHING if is_raw else frozenset({(table, name)}) for name in self._graph.names(number)]

    def _of_expression(self, expression: Any, given: Columns) -> frozenset[Origin]:
        if isinstance(expression, list):
            return frozenset().union(*(self._of_expression(part, given) for part in expression))
        if not isinstance(expression, dict):
            return _NOTHING
        if expression.get("kind") == "INPUT_REF":
            return given[expression["inputIndex"]]
        found = self._of_expression(list(expression.values()), given)
        if expression.get("kind") == "FIELD_ACCESS":
            return frozenset(self._of_change(origin, expression["name"]) for origin in found)
        return found

    def _of_change(self, origin: Origin, field: str) -> Origin:
        """A field of the row after a change is a declared column of its topic."""
        table, column = origin
        declared = {declared.name for declared in self._upstream(table).columns}
        return (table, field) if column == _CHANGED and column not in declared else origin

    def _of_global_window_aggregate(self, number: int, node: Node, given: Columns) -> Columns:
        """Its arguments and its time are places in the input of its local half."""
        local = number
        while self._graph.kind(local) != "local-window-aggregate":
            (local,) = self._graph.inputs(local)
        (source,) = self._graph.inputs(local)
        before = self._columns(source)
        windowing = self._graph.nodes[local]["windowing"]
        # Over the rows of windows there are already, the windows' end is what makes the time.
        time = before[next(windowing[place] for place in ("timeAttributeIndex", "windowEnd") if place in windowing)]
        return _of_keys(node, given) + _of_calls(node, before) + [time] * len(node["namedWindowProperties"])


def _table(node: Node) -> tuple[TableName, bool]:
    """The table that a scan reads, and whether it reads a topic as bytes."""
    found = _SOURCE.search(source_table(node) or "")
    assert found is not None, source_table(node)
    return TableName(Layer(found["layer"]), found["table"]), found["binding"] == "raw"


def _of_keys(node: Node, given: Columns) -> Columns:
    return [given[index] for index in node["grouping"]]


def _of_calls(node: dict[str, Any], given: Columns) -> Columns:
    """What aggregates are made of. Places beyond the input are constants."""
    return [frozenset().union(*(given[i] for i in call["argList"] if i < len(given))) for call in node["aggCalls"]]


def disagreements(model: Model, plan: Plan, upstream: Callable[[TableName], Model]) -> list[str]:
    """Where the lineage worked out from the SQL is not that of the compiled plan; empty when both say the same."""
    planned = PlannedLineage(plan, upstream)
    said = column_lineage(model)
    found = [
        f"{model.name}.{name}: {_shown(origins)} by the SQL, {_shown(planned.of_sink()[name])} by the plan"
        for name, origins in said.items()
        if origins is None or frozenset(origins) != planned.of_sink()[name]
    ]
    if said.keys() != planned.of_sink().keys():
        found.append(f"{model.name}: {sorted(said)} by the SQL, {sorted(planned.of_sink())} by the plan")
    if set(model.reads) != planned.tables():
        by_sql, by_plan = (", ".join(map(str, sorted(tables))) for tables in (model.reads, planned.tables()))
        found.append(f"{model.name} reads {by_sql} by the SQL, {by_plan} by the plan")
    return found


def _shown(origins: Iterable[Origin] | None) -> str:
    if origins is None:
        return "not worked out"
    return ", ".join(f"{table}.{column}" for table, column in sorted(origins)) or "no column"
