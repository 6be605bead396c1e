"""Keys of which nothing is said at a look: those that inputs touch which the stream may not have taken in."""

from typing import TYPE_CHECKING

from headwater.batchsql.flow import touches_by_rows
from headwater.model import Model, Warehouse
from headwater.stack import Stack
from resources.batch.rows import DuckBatch, DuckFlows
from resources.paimon.arrow import arrow_type
from resources.parity.position import Position

if TYPE_CHECKING:
    import pyarrow


class TouchedUnknown(Exception):
    """Which keys a change touches is not told by the change alone."""


def touched(
    stack: Stack, declared: Warehouse, model: Model, position: Position, flows: DuckFlows | None
) -> "pyarrow.Table":
    """The keys that input after what the stream has read for sure touches; of a table without a key, whole rows.

    Args:
        flows: The model's flows for DuckDB; None where it does not run them.

    Raises TouchedUnknown when that cannot be worked out by the changes alone.
    """
    if flows is None or not all(touches_by_rows(model, sql.tree) for _, sql in flows.flows):
        raise TouchedUnknown
    if not model.key and not all(flow.row_by_row for flow in model.flows):
        raise TouchedUnknown
    if model.key and not _has_news(position):
        return _no_keys(model)
    with DuckBatch(stack, declared, model, position.inputs, changed=position.read, flows=flows) as batch:
        if not model.key:
            return batch.session.arrow(f"SELECT * FROM ({flows.merged.sql})")
        key = ", ".join(f'"{name}"' for name in model.key)
        every = "\nUNION ALL\n".join(f"SELECT {key} FROM ({sql.sql})" for _, sql in flows.flows)
        return batch.session.arrow(f"SELECT DISTINCT {key} FROM ({every})")


def _has_news(position: Position) -> bool:
    tables = (position.read[pinned.table] < pinned.snapshot.id for pinned in position.inputs.tables)
    return any(tables) or any(topic.new().records for topic in position.inputs.topics)


def _no_keys(model: Model) -> "pyarrow.Table":
    import pyarrow

    return pyarrow.schema([(name, arrow_type(model.column(name).type)) for name in model.key]).empty_table()
