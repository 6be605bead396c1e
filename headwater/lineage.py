"""Column lineage: which columns of upstream tables the values of a table's columns come from, over all its flows."""

from collections.abc import Mapping

from headwater.model import Model, Origin


def column_lineage(model: Model) -> Mapping[str, tuple[Origin, ...] | None]:
    """For each column that some flow gives, the upstream columns that its values come from, in order.

    There are none for a constant, a count of rows, a market's local day, and what is read from a topic's bytes. None
    stands for a column of which some flow's part could not be worked out. A source has no flows, so no lineage.
    """
    found: dict[str, tuple[Origin, ...] | None] = {}
    for flow in model.flows:
        for output, made_of in zip(flow.outputs, flow.made_of, strict=True):
            name = output.name
            found[name] = _united(found[name], made_of) if name in found else made_of
    return found


def _united(one: tuple[Origin, ...] | None, other: tuple[Origin, ...] | None) -> tuple[Origin, ...] | None:
    if one is None or other is None:
        return None
    return tuple(sorted({*one, *other})) if one and other else one or other
