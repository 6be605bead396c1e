"""A compiled plan as a graph in which projections, filters and unions are seen through.

A view is what one operator sees of another's rows: some columns, worked out from that node's columns, of the rows that
meet some conditions. Following a view up through operators that keep nothing leaves what really matters: which rows
of which table, or of which stateful operator.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headwater.compile.binding import is_topic
from headwater.compile.operator_ids import Node, Plan, is_stateful, kind, source_table
from headwater.verdict.expressions import Expression, as_text, field_names, field_types, normal, reference, substituted

_CALC, _UNION, _WINDOW, _SINK = "calc", "union", "window-table-function", "sink"
_PASSING = frozenset({"exchange", "drop-update-before", "mini-batch-assigner", "watermark-assigner"})
_AND = "$AND$1"


@dataclass(frozen=True)
class View:
    """Columns and conditions over the columns of one node."""

    node: int
    columns: tuple[Expression, ...]
    conditions: tuple[Expression, ...] = ()


class PlanGraph:
    """The nodes of one compiled plan, their inputs and what flows between them."""

    def __init__(self, plan: Plan) -> None:
        self.nodes: dict[int, Node] = {node["id"]: node for node in plan["nodes"]}
        self._inputs: dict[int, list[int]] = defaultdict(list)
        for edge in plan["edges"]:
            self._inputs[edge["target"]].append(edge["source"])

    @property
    def sink(self) -> int:
        """The sink that writes the job's table."""
        return next(number for number in self._sinks if not is_topic(self._written(number)))

    @property
    def topics(self) -> tuple[int, ...]:
        """The sinks that distribute the table's rows."""
        return tuple(number for number in self._sinks if is_topic(self._written(number)))

    @property
    def stateful(self) -> tuple[int, ...]:
        """The operators that keep state, apart from sources and the sink."""
        return tuple(number for number, node in self.nodes.items() if is_stateful(node))

    @property
    def scans(self) -> tuple[int, ...]:
        """The nodes that read a table."""
        return tuple(number for number in self.nodes if self.table(number) is not None)

    def kind(self, number: int) -> str:
        """`group-aggregate` for a node of type `stream-exec-group-aggregate_1`."""
        return kind(self.nodes[number])

    def table(self, number: int) -> str | None:
        """The table that a scan reads, as bound in the session."""
        return source_table(self.nodes[number])

    def inputs(self, number: int) -> Sequence[int]:
        """The nodes that a node reads, in order."""
        return self._inputs[number]

    def above(self, number: int) -> frozenset[int]:
        """The node and everything that its rows come from."""
        return frozenset({number}).union(*(self.above(source) for source in self._inputs[number]))

    def columns(self, number: int) -> tuple[Expression, ...]:
        """All columns that a node gives, as references."""
        types = field_types(self.nodes[number]["outputType"])
        return tuple(reference(index, type_) for index, type_ in enumerate(types))

    def names(self, number: int) -> tuple[str, ...]:
        """The names of the columns that a node gives."""
        return field_names(self.nodes[number]["outputType"])

    def branches(self, view: View) -> tuple[View, ...]:
        """The views that make it up: one, or one for each branch of a union; projections and filters seen through."""
        if self.table(view.node) is not None:
            return (self._of_table(view),)
        kind_ = self.kind(view.node)
        inputs = self._inputs[view.node]
        if kind_ == _UNION:
            return tuple(
                found for source in inputs for found in self.branches(View(source, view.columns, view.conditions))
            )
        if kind_ in _PASSING:
            return self.branches(View(inputs[0], view.columns, view.conditions))
        if kind_ == _CALC:
            return self.branches(self._through_calc(view, self.nodes[view.node], inputs[0]))
        if kind_ == _WINDOW:
            return self.branches(self._through_window(view, self.nodes[view.node], inputs[0]))
        outputs = self.outputs(view.node)
        return (
            View(
                view.node,
                tuple(_named(column, outputs) for column in view.columns),
                tuple(_named(condition, outputs) for condition in view.conditions),
            ),
        )

    def outputs(self, number: int) -> tuple[str, ...]:
        """What stands for each column of an operator that is not seen through, wherever the column stands."""
        node = self.nodes[number]
        if "aggCalls" not in node or "namedWindowProperties" not in node:
            return tuple(f"#{index}" for index in range(len(self.names(number))))
        properties = [named["property"]["kind"] for named in node["namedWindowProperties"] or ()]
        plain = len(self.names(number)) - len(properties)
        return (*(f"#{index}" for index in range(plain)), *properties)

    def watermark(self, number: int) -> str | None:
        """How a scan works out its watermark, as text for comparing."""
        for ability in self._abilities(number):
            if ability["type"] == "WatermarkPushDown":
                names = field_names(ability["producedType"])
                return as_text(_named(ability["watermarkExpr"], names))
        return None

    def scan_extras(self, number: int) -> str:
        """What else was pushed into a scan: partitions, limits, aggregates. As text for comparing."""
        plain = {"ProjectPushDown", "WatermarkPushDown", "FilterPushDown", "ReadingMetadata", "SourceWatermark"}
        return as_text([ability for ability in self._abilities(number) if ability["type"] not in plain])

    @property
    def _sinks(self) -> tuple[int, ...]:
        return tuple(number for number in self.nodes if self.kind(number) == _SINK)

    def _written(self, number: int) -> str:
        return self.nodes[number].get("dynamicTableSink", {}).get("table", {}).get("identifier", "")

    def _abilities(self, number: int) -> list[dict[str, Any]]:
        return self.nodes[number]["scanTableSource"].get("abilities") or []

    def _of_table(self, view: View) -> View:
        names = self.names(view.node)
        pushed: list[Expression] = []
        known: Sequence[str] = ()
        for ability in self._abilities(view.node):
            if "producedType" in ability:
                known = field_names(ability["producedType"])
            if ability["type"] == "FilterPushDown":
                pushed += [_named(predicate, known) for predicate in ability["predicates"]]
        return View(
            view.node,
            tuple(_named(column, names) for column in view.columns),
            (*(_named(condition, names) for condition in view.conditions), *pushed),
        )

    def _through_calc(self, view: View, calc: Node, source: int) -> View:
        projection = calc["projection"]

        def column(used: Expression) -> Expression:
            return projection[used["inputIndex"]]

        own = normal(calc["condition"]) if calc.get("condition") else None
        parts = [] if own is None else own["operands"] if own.get("internalName") == _AND else [own]
        return View(
            source,
            tuple(substituted(column_, column) for column_ in view.columns),
            (*(substituted(condition, column) for condition in view.conditions), *parts),
        )

    def _through_window(self, view: View, window: Node, source: int) -> View:
        given = self.columns(source)
        strategy = dict(window["windowing"])
        time = strategy.pop("timeAttributeIndex", None)

        def column(used: Expression) -> Expression:
            index = used["inputIndex"]
            if index < len(given):
                return given[index]
            operands = [] if time is None else [given[time]]
            return {"kind": "WINDOW", "windowing": strategy, "bound": index - len(given), "operands": operands}

        return View(
            source,
            tuple(substituted(column_, column) for column_ in view.columns),
            tuple(substituted(condition, column) for condition in view.conditions),
        )


def _named(expression: Expression, names: Sequence[str]) -> Expression:
    """References by position made references by name: a scan's columns stand elsewhere in another plan.

    Their types stay: a column of another type is kept in another form.
    """

    def column(used: Expression) -> Expression:
        index = used["inputIndex"]
        return used | {"inputIndex": names[index] if index < len(names) else f"#{index}"}

    return substituted(expression, column)
