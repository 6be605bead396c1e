"""Where a table's columns come from, as Dagster tells it: in an entry of its own, and in words for people.

Dagster takes column lineage from materializations, under `dagster/column_lineage`
(https://docs.dagster.io/guides/build/assets/metadata-and-tags/column-level-lineage). Its open-source web page leaves
that entry out: the view of it is one of Dagster+. What the page does show of a column is its description, as Markdown
and by preference the one in the definition, so the words stand there.
"""

import dagster as dg

from assets.naming import table_key
from headwater.lineage import ColumnLineage, column_lineage
from headwater.model import Model, TableName

COLUMN_LINEAGE = "dagster/column_lineage"


def table_lineage(model: Model) -> dg.TableColumnLineage:
    """The upstream columns of each column, but for those that are not wholly worked out."""
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(table_key(table), column) for table, column in lineage.origins]
            for name, lineage in column_lineage(model).items()
            if lineage.is_complete
        }
    )


def in_words(lineage: ColumnLineage) -> str:
    """Where a column's values come from, as Markdown with a link to each table; "" when from no column."""
    said = ""
    before: TableName | None = None
    for table, column in lineage.origins:
        link = "" if table == before else f"[{table}](/assets/{table.layer.value}/{table.table}) "
        said += f"{', ' if said else 'from '}{link}`{column}`"
        before = table
    if lineage.is_complete:
        return said
    return f"{said}, and what could not be worked out" if said else "where from could not be worked out"
