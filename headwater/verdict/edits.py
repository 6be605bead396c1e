"""What differs between two operators or two views, in words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from headwater.verdict.comparison import Comparison, views
from headwater.verdict.expressions import Expression, as_text, shown
from headwater.verdict.graph import PlanGraph, View
from headwater.verdict.operators import operator

_LONGEST = 120


def operator_edits(comparison: Comparison, number: int, before: int) -> tuple[str, ...]:
    """What was edited in an operator, or above it, between the two plans. Never empty when they are not the same."""
    new, old = comparison.new, comparison.old
    edits = [*_call_edits(new, number, old, before), *_window_edits(new, number, old, before)]
    described, earlier = operator(new, number), operator(old, before)
    if described.does == earlier.does:
        for view, view_before in zip(views(new, number, described), views(old, before, earlier), strict=False):
            edits += view_edits(comparison, view, view_before)
    elif not edits:
        for source, source_before in zip(new.inputs(number), old.inputs(before), strict=False):
            edits += view_edits(comparison, View(source, ()), View(source_before, ()))
        edits.append(f"was «{description(old, before)}», is «{description(new, number)}»")
    return tuple(dict.fromkeys(edits))


def view_edits(comparison: Comparison, view: View, earlier: View) -> list[str]:
    """What was edited between two views with columns in the same order: branches, conditions, columns."""
    edited, came, went = unequal(comparison, view, earlier)
    edits = [edit for branch, before in edited for edit in branch_edits(comparison, branch, before)]
    edits += [f"reads {origin(comparison.new, branch.node)} too" for branch in came]
    edits += [f"reads {origin(comparison.old, branch.node)} no longer" for branch in went]
    return edits


def branch_edits(comparison: Comparison, branch: View, before: View, names: Sequence[str] = ()) -> list[str]:
    """What was edited between two branches over the same table, or over operators of one kind."""
    new, old = comparison.new, comparison.old
    new_names, old_names = _column_names(new, branch.node), _column_names(old, before.node)
    edits = _condition_edits(
        [shown(condition, new_names) for condition in branch.conditions],
        [shown(condition, old_names) for condition in before.conditions],
    )
    if len(branch.columns) != len(before.columns):
        edits.append(f"used {len(before.columns)} columns, uses {len(branch.columns)}")
    else:
        edits += _column_edits(branch.columns, before.columns, new_names, old_names, names)
    if new.table(branch.node) is None:
        match = comparison.same_operator(branch.node, before.node)
        if match is None:
            edits += operator_edits(comparison, branch.node, before.node)
        else:
            edits += [f"condition {shown(condition, {})} further up is new" for condition in match.narrowed]
    elif new.scan_extras(branch.node) != old.scan_extras(before.node):
        edits.append(f"reads other parts of {origin(new, branch.node)}")
    return edits


def unequal(
    comparison: Comparison, view: View, earlier: View
) -> tuple[list[tuple[View, View]], list[View], list[View]]:
    """The branches of two views that have no equal on the other side: edited ones with what they were, new ones, gone
    ones.
    """
    left, went = list(comparison.new.branches(view)), []
    for before in comparison.old.branches(earlier):
        kept = next((branch for branch in left if comparison.same_branch(branch, before) is not None), None)
        if kept is None:
            went.append(before)
        else:
            left.remove(kept)
    edited, came = [], []
    for branch in left:
        before = next((found for found in went if alike(comparison, branch.node, found.node)), None)
        if before is None:
            came.append(branch)
        else:
            went.remove(before)
            edited.append((branch, before))
    return edited, came, went


def alike(comparison: Comparison, number: int, before: int) -> bool:
    """Two scans of one table, or two operators of one kind over the same tables."""
    new, old = comparison.new, comparison.old
    if new.table(number) is not None or old.table(before) is not None:
        return new.table(number) == old.table(before)
    return new.kind(number) == old.kind(before) and bool(tables(new, number) & tables(old, before))


def tables(graph: PlanGraph, number: int) -> frozenset[str]:
    """The tables that a node's rows come from."""
    return frozenset(table for node in graph.above(number) if (table := graph.table(node)) is not None)


def origin(graph: PlanGraph, number: int) -> str:
    """What people call the place that rows come from."""
    table = graph.table(number)
    return table_name(table) if table is not None else f"«{description(graph, number)}»"


def table_name(identifier: str) -> str:
    """`ods.orders` for a table as it is bound in the session, `default_catalog`.`ods`.`orders__bound:ods.orders`."""
    _, layer, table = (part.strip("`") for part in identifier.split("`.`"))
    return f"{layer}.{table.partition('__')[0]}"


def description(graph: PlanGraph, number: int) -> str:
    """An operator as Flink describes it, shortened."""
    text = str(graph.nodes[number].get("description") or graph.kind(number))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def title(graph: PlanGraph, number: int) -> str:
    """An operator's name with its keys: `GroupAggregate(groupBy=[market])`."""
    text = str(graph.nodes[number].get("description") or graph.kind(number))
    name, _, rest = text.partition("(")
    first = rest.partition("], ")[0]
    return (
        f"{name}({first}])" if first.startswith(("groupBy", "joinType", "partitionBy")) and "]" not in first else name
    )


def _call_edits(new: PlanGraph, number: int, old: PlanGraph, before: int) -> list[str]:
    node, node_before = new.nodes[number], old.nodes[before]
    if "aggCalls" not in node or "aggCalls" not in node_before:
        return []
    calls, calls_before = _calls(new, number), _calls(old, before)
    came, went = Counter(calls) - Counter(calls_before), Counter(calls_before) - Counter(calls)
    edits = [f"aggregate {call} is new" for call in came.elements()]
    edits += [f"aggregate {call} is gone" for call in went.elements()]
    if not edits and calls != calls_before:
        edits.append(f"its aggregates stand in another order: {', '.join(calls)}")
    if len(node["grouping"]) != len(node_before["grouping"]):
        edits.append(f"it grouped by {_keys(old, before)}, and groups by {_keys(new, number)}")
    return edits


def _window_edits(new: PlanGraph, number: int, old: PlanGraph, before: int) -> list[str]:
    windows = [graph.nodes[node].get("windowing", {}).get("window") for graph, node in ((new, number), (old, before))]
    if windows[0] == windows[1]:
        return []
    texts = [", ".join(str(value) for value in window.values()) if window else "none" for window in windows]
    return [f"its window was {texts[1]}, is {texts[0]}"]


def _calls(graph: PlanGraph, number: int) -> list[str]:
    names = graph.names(graph.inputs(number)[0])
    return [_call(call, names) for call in graph.nodes[number]["aggCalls"]]


def _call(call: dict[str, object], names: Sequence[str]) -> str:
    function = str(call["internalName"]).strip("$").rpartition("$")[0]
    places = call["argList"]
    arguments = ", ".join(names[place] if place < len(names) else str(place) for place in places)  # type: ignore[union-attr]
    return f"{function}({'DISTINCT ' if call.get('distinct') else ''}{arguments or '*'})"


def _keys(graph: PlanGraph, number: int) -> str:
    names = graph.names(graph.inputs(number)[0])
    return "(" + ", ".join(names[place] for place in graph.nodes[number]["grouping"]) + ")"


def _column_names(graph: PlanGraph, number: int) -> Mapping[str, str]:
    """How people know what stands for an operator's columns; a table's columns go by their names already."""
    if graph.table(number) is not None:
        return {}
    return dict(zip(graph.outputs(number), graph.names(number), strict=True))


def _condition_edits(conditions: Iterable[str], before: Iterable[str]) -> list[str]:
    now, then = dict.fromkeys(conditions), dict.fromkeys(before)
    return [
        *(f"condition {condition} is new" for condition in now if condition not in then),
        *(f"condition {condition} is gone" for condition in then if condition not in now),
    ]


def _column_edits(
    columns: Sequence[Expression],
    before: Sequence[Expression],
    new_names: Mapping[str, str],
    old_names: Mapping[str, str],
    names: Sequence[str],
) -> list[str]:
    edits = []
    for place, (column, column_before) in enumerate(zip(columns, before, strict=True)):
        if as_text(column) != as_text(column_before):
            name = f"column {names[place]}" if place < len(names) else "what it uses"
            then, now = shown(column_before, old_names), shown(column, new_names)
            if then == now:
                then, now = f"{then} of type {column_before.get('type')}", f"{now} of type {column.get('type')}"
            edits.append(f"{name} was {then}, is {now}")
    return edits
