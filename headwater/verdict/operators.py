"""What a stateful operator does, apart from where its input's columns stand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from headwater.compile.operator_ids import Node
from headwater.verdict.expressions import Expression, as_text, plain_type
from headwater.verdict.graph import PlanGraph

# Neither of these is in an operator's state: how it is shown and numbered, how its rows reach it, how long they are
# kept, and whether it says what a row was before.
_ASIDE = frozenset({"id", "type", "description", "inputProperties", "state", "generateUpdateBefore"})
_UNITS = {
    "ns": timedelta(),
    "μs": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_NAMES = frozenset({"name"})


@dataclass(frozen=True)
class Operator:
    """One operator.

    Args:
        does: What it does, as text for comparing: kind, functions, types, windows.
        reads: For each input the columns that it uses, in the order in which its state has them.
        keys: Places among what it reads of its one input by which rows belong together: rows of one key never meet
            those of another. Empty where that is not so, or not known.
    """

    does: str
    reads: tuple[tuple[Expression, ...], ...]
    keys: tuple[int, ...] = ()


def operator(graph: PlanGraph, number: int) -> Operator:
    """Describe an operator. One of a kind that is not known here uses every column of its inputs, in order."""
    node = graph.nodes[number]
    inputs = [graph.columns(source) for source in graph.inputs(number)]
    known = _KNOWN.get(graph.kind(number))
    if known is None:
        keys = node.get("uniqueKeys") or (node.get("partitionSpec") or node.get("partition") or {}).get("fields") or ()
        return Operator(as_text([graph.kind(number), _rest(node, ())]), tuple(inputs), tuple(keys))
    fields, reads = known(node, inputs[0])
    keys = node["overSpec"]["partition"]["fields"] if "overSpec" in node else range(len(node["grouping"]))
    does = as_text([graph.kind(number), _rest(node, fields.keys()), fields])
    return Operator(does, (tuple(reads),), tuple(keys))


def times_to_live(node: Node) -> tuple[timedelta, ...]:
    """How long each state of an operator is kept; zero for ever."""
    return tuple(_duration(str(state["ttl"])) for state in node.get("state") or ())


def _aggregate(node: Node, given: Sequence[Expression]) -> tuple[dict[str, Any], list[Expression]]:
    """Keys, arguments and filters are columns; functions and types are what it does."""
    reads = [given[index] for index in node["grouping"]]
    calls = []
    for call in node["aggCalls"]:
        filtered = call.get("filterArg", -1)
        reads += [given[index] for index in call["argList"]]
        reads += [given[filtered]] if filtered >= 0 else []
        calls.append(
            {key: value for key, value in call.items() if key not in ("name", "argList", "filterArg")}
            | {"arguments": len(call["argList"]), "filtered": filtered >= 0}
        )
    return {"grouping": len(node["grouping"]), "aggCalls": calls, "outputType": None}, reads


def _window_aggregate(node: Node, given: Sequence[Expression]) -> tuple[dict[str, Any], list[Expression]]:
    fields, reads = _aggregate(node, given)
    windowing = dict(node["windowing"])
    for place in ("timeAttributeIndex", "sliceEnd", "windowEnd"):
        if place in windowing:
            reads.append(given[windowing.pop(place)])
    # The window's bounds are not kept: they are worked out from the window when its rows are given.
    return fields | {"windowing": windowing, "namedWindowProperties": None}, reads


def _global_window_aggregate(node: Node, given: Sequence[Expression]) -> tuple[dict[str, Any], list[Expression]]:
    """Its arguments are places in the local half's input, which that half is compared by."""
    fields, _ = _window_aggregate(node | {"grouping": [], "aggCalls": []}, given)
    calls = [
        {key: value for key, value in call.items() if key not in ("name", "argList", "filterArg")}
        for call in node["aggCalls"]
    ]
    return fields | {"grouping": len(node["grouping"]), "aggCalls": calls, "localAggInputRowType": None}, list(given)


def _over_aggregate(node: Node, given: Sequence[Expression]) -> tuple[dict[str, Any], list[Expression]]:
    """Its state has whole input rows beside the accumulators, so it uses every column."""
    groups = [
        group | {"aggCalls": _counted(group["aggCalls"]) if _forgets_rows(group) else group["aggCalls"]}
        for group in node["overSpec"]["groups"]
    ]
    kept = node["outputType"]["fields"][: node["overSpec"]["originalInputFields"]]
    return {"overSpec": _plain(node["overSpec"] | {"groups": groups}), "outputType": _without_names(kept)}, list(given)


def _forgets_rows(group: Node) -> bool:
    return group["lowerBound"]["kind"] == "BOUNDED_WINDOW"


def _counted(calls: Sequence[Node]) -> list[Node]:
    """The calls, as Flink keeps them where rows leave the frame: it counts rows behind them unless one call does so.

    AggregateUtil.insertCountStarAggCall of flink-table-planner 2.0; the call is not in the compiled plan.
    """
    return [*calls] if any(_counts_rows(call) for call in calls) else [*calls, _COUNT]


def _counts_rows(call: Node) -> bool:
    return {key: value for key, value in call.items() if key != "name"} == _COUNT


_COUNT: Node = {
    "syntax": "FUNCTION_STAR",
    "internalName": "$COUNT$1",
    "argList": [],
    "filterArg": -1,
    "distinct": False,
    "approximate": False,
    "ignoreNulls": False,
    "type": "BIGINT NOT NULL",
}
_Describe = Callable[[Node, Sequence[Expression]], tuple[dict[str, Any], list[Expression]]]
_KNOWN: dict[str, _Describe] = {
    "group-aggregate": _aggregate,
    "local-group-aggregate": _aggregate,
    "group-window-aggregate": _window_aggregate,
    "window-aggregate": _window_aggregate,
    "local-window-aggregate": _window_aggregate,
    "global-window-aggregate": _global_window_aggregate,
    "over-aggregate": _over_aggregate,
}


def _duration(text: str) -> timedelta:
    """As Flink writes it, in its highest whole unit: `36 h`."""
    number, unit = text.split()
    return int(number) * _UNITS[unit]


def _rest(node: Node, taken: Any) -> dict[str, Any]:
    return {key: _plain(value, key) for key, value in node.items() if key not in _ASIDE and key not in taken}


def _plain(value: Any, key: str = "") -> Any:
    """Names and the engine's batching out, types in one form."""
    if key == "configuration":
        return {name: set_ for name, set_ in value.items() if not name.startswith("table.exec.mini-batch")}
    if key in ("type", "outputType") or key.endswith("Type"):
        return _without_names(plain_type(value))
    if isinstance(value, dict):
        # A field access is an expression, and its name is what it means.
        dropped = () if "kind" in value else _NAMES
        return {name: _plain(inner, name) for name, inner in value.items() if name not in dropped}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _without_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_names(inner) for key, inner in value.items() if key not in _NAMES}
    return [_without_names(inner) for inner in value] if isinstance(value, list) else plain_type(value)
