"""Column lineage: which columns of upstream tables the values of a table's columns come from, over all its flows."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.model import Model, Origin


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
    """The lineage of each column that some flow gives, which a source has none of."""
    found: dict[str, ColumnLineage] = {}
    for flow in model.flows:
        for output, made_of in zip(flow.outputs, flow.made_of, strict=True):
            before = found.get(output.name)
            if before is None:
                found[output.name] = ColumnLineage(made_of or (), made_of is not None)
            elif made_of != ():
                found[output.name] = _united(before, made_of)
    return found


def _united(lineage: ColumnLineage, made_of: tuple[Origin, ...] | None) -> ColumnLineage:
    origins = tuple(sorted({*lineage.origins, *(made_of or ())}))
    return ColumnLineage(origins, lineage.is_complete and made_of is not None)
