"""Column lineage: which columns of upstream tables the values of a table's columns come from, over all its flows."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.model import Flow, Model, Origin


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """Where the values of one column come from.

    Args:
        origins: The upstream columns, in order. Empty for a constant, a count of rows, a market's local day, and what
            is read from a topic's bytes.
        is_complete: False when a flow's part in it could not be worked out.
    """

    origins: tuple[Origin, ...]
    is_complete: bool = True


def column_lineage(model: Model) -> Mapping[str, ColumnLineage]:
    """The lineage of each declared column that some flow gives; that of a source is empty."""
    origins: dict[str, set[Origin]] = {}
    unknown: set[str] = set()
    for flow in model.flows:
        for name, made_of in _made_of(flow).items():
            origins.setdefault(name, set()).update(made_of or ())
            if made_of is None:
                unknown.add(name)
    return {
        column.name: ColumnLineage(tuple(sorted(origins[column.name])), column.name not in unknown)
        for column in model.columns
        if column.name in origins
    }


def _made_of(flow: Flow) -> Mapping[str, tuple[Origin, ...] | None]:
    """What each column of a flow is made of. A flow that was not analysed says of none."""
    made_of = flow.made_of or (None,) * len(flow.outputs)
    return {output.name: origins for output, origins in zip(flow.outputs, made_of, strict=True)}
