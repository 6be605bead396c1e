"""Where a table's columns come from, as Dagster tells it: in an entry of its own, and in words for people.

Dagster takes column lineage from materializations, under `dagster/column_lineage`
(https://docs.dagster.io/guides/build/assets/metadata-and-tags/column-level-lineage). Its open-source web page leaves
that entry out: the view of it is one of Dagster+. What the page does show of a column is its description, as Markdown
and by preference the one in the definition, so the words stand there.
"""

from collections.abc import Mapping

import dagster as dg

from assets.naming import table_key
from headwater.lineage import column_lineage
from headwater.model import Model, TableName

COLUMN_LINEAGE = "dagster/column_lineage"


def table_lineage(model: Model) -> dg.TableColumnLineage:
    """The upstream columns of each column, but for those that are not worked out."""
    return dg.TableColumnLineage(
        {
            name: [dg.TableColumnDep(table_key(table), column) for table, column in origins]
            for name, origins in column_lineage(model).items()
            if origins is not None
        }
    )


def in_words(model: Model) -> Mapping[str, str]:
    """For each column that comes from another, from where: Markdown with a link to each table."""
    words: dict[str, str] = {}
    links: dict[int, str] = {}
    for name, origins in column_lineage(model).items():
        if origins is None:
            words[name] = "where from could not be worked out"
            continue
        said, before = "", None
        for table, column in origins:
            # By identity: it is the same for all columns of a loaded warehouse, and cheaper to ask for.
            if id(table) not in links:
                links[id(table)] = _link(table)
            link = "" if table is before else f"{links[id(table)]} "
            said += f"{', ' if said else 'from '}{link}`{column}`"
            before = table
        if said:
            words[name] = said
    return words


def _link(table: TableName) -> str:
    return f"[{table}](/assets/{table.layer.value}/{table.table})"
