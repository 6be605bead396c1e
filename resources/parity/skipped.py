"""Keys of which nothing is said at a look: those that inputs touch which the stream may not have taken in."""

from typing import TYPE_CHECKING

from headwater.batchsql.flow import touches_by_rows
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.rows import DuckBatch, duck_flows, input_columns
from resources.parity.position import Position

if TYPE_CHECKING:
    import pyarrow


class TouchedUnknown(Exception):
    """Which keys a change touches is not told by the change alone."""


def touched(stack: Stack, declared: Warehouse, model: Model, position: Position) -> "pyarrow.Table":
    """The keys that input after what the stream has read for sure touches; of a table without a key, whole rows.

    Raises TouchedUnknown when that cannot be worked out by the changes alone.
    """
    try:
        flows = duck_flows(declared, model, input_columns(stack, declared, model))
    except HeadwaterError as refused:
        raise TouchedUnknown from refused
    if not all(touches_by_rows(model, sql.tree) for _, sql in flows.flows):
        raise TouchedUnknown
    if not model.key and not all(flow.row_by_row for flow in model.flows):
        raise TouchedUnknown
    with DuckBatch(stack, declared, model, position.inputs, changed=position.read) as batch:
        if not model.key:
            return batch.session.arrow(f"SELECT * FROM ({batch.flows.merged.sql})")
        key = ", ".join(f'"{name}"' for name in model.key)
        every = "\nUNION ALL\n".join(f"SELECT {key} FROM ({sql.sql})" for _, sql in batch.flows.flows)
        return batch.session.arrow(f"SELECT DISTINCT {key} FROM ({every})")
