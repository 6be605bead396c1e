"""Tables for a notebook: `ask("SELECT …")` gives Arrow, at pinned snapshots."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headwater.model import TableName
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.query import Moment, arrow_answer
from serving.analysis.worker import labelled

if TYPE_CHECKING:
    import pyarrow


def ask(
    sql: str, *, at: Mapping[str, Moment] | Moment | None = None, limit: int | None = None, stack: Stack | None = None
) -> "pyarrow.Table":
    """Answer a SELECT over the lake's tables, in this process.

    Args:
        at: A snapshot's number, a tag or a time, for all tables or by `layer.table`; the newest when left out.
        limit: Rows at most.
        stack: Whose lake; the one that HEADWATER_HOME and the working directory lead to when left out.

    Returns the rows in Arrow's form (`.to_pandas()`, `polars.from_arrow`); the schema's metadata has, as JSON under
    `headwater`, snapshots by table, as_of, rows and truncated.

    Raises HeadwaterError as `headwater query` tells it.
    """
    where = stack or Stack.resolve()
    moments = {TableName.parse(name): moment for name, moment in at.items()} if isinstance(at, Mapping) else at
    return labelled(arrow_answer(where.lake, sql, at=moments, limit=limit, markets=lambda: warehouse(where).markets))
