"""The one statement with which a backfill writes into a table, in one commit.

What it writes was worked out before, and lies in a lake of its own. The commit is a conditional one: Paimon refuses it
when somebody else has written into its partitions since the snapshot that was compared with
(`commit.strict-mode.last-safe-snapshot`, https://paimon.apache.org/docs/master/maintenance/configurations/).
"""

from dataclasses import dataclass

from headwater.compile import text
from headwater.compile.procedures import OLD, merge_into, same_key
from headwater.compile.storage import CATALOG
from headwater.model import Model, TableName

STAGING = "staging"
"""The catalog of the lake in which rows lie that are to be written."""

_NEW, _GONE = "computed", "gone"


@dataclass(frozen=True, slots=True)
class Commit:
    """What the statement says of its commit.

    Args:
        after: The table's snapshot that was compared with.
        user: What the name of the commit's user begins with, by which the commit is found again.
    """

    after: int
    user: str


def gone_keys(table: TableName) -> TableName:
    """The staged table with the keys of rows that are to go."""
    return TableName(table.layer, f"{table.table}__gone")


def create_staging(lake_uri: str) -> str:
    """The session's catalog over the lake of staged rows."""
    return f"CREATE CATALOG {STAGING} WITH (\n{text.options({'type': 'paimon', 'warehouse': lake_uri})}\n)"


def write(model: Model, commit: Commit) -> str:
    """Write the staged rows; each takes the place of the one with its key."""
    return f"INSERT INTO {_into(model, commit)}"


def overwrite(model: Model, commit: Commit) -> str:
    """Let every partition that staged rows fall into hold these and no others.

    https://paimon.apache.org/docs/master/flink/sql-write/ (dynamic overwrite).
    """
    return f"INSERT OVERWRITE {_into(model, commit, {'dynamic-partition-overwrite': 'true'})}"


def write_and_remove(model: Model, staging_uri: str) -> str:
    """Write the staged rows, and remove those whose keys are staged as gone.

    The catalog of what is staged is made anew, and the commit is not a conditional one (see `merge_into`): who runs it
    looks before and afterwards.
    """
    views = (
        create_staging(staging_uri),
        f"CREATE TEMPORARY VIEW {_view(_NEW)} AS SELECT {_columns(model)} FROM {_staged(model.name)}",
        f"CREATE TEMPORARY VIEW {_view(_GONE)} AS SELECT * FROM {_staged(gone_keys(model.name))}",
    )
    gone = f"EXISTS (SELECT * FROM {_view(_GONE)} AS `{_GONE}` WHERE {same_key(model, OLD, _GONE)})"
    return merge_into(model, f"default_catalog.default_database.{_NEW}", _NEW, first=views, gone=gone)


def _into(model: Model, commit: Commit, more: dict[str, str] | None = None) -> str:
    options = {
        "commit.strict-mode.last-safe-snapshot": str(commit.after),
        "commit.user-prefix": commit.user,
        **(more or {}),
    }
    hints = ", ".join(f"{text.literal(key)} = {text.literal(value)}" for key, value in options.items())
    columns = _columns(model)
    return (
        f"{CATALOG}.{text.table(model.name)} /*+ OPTIONS({hints}) */ ({columns})\n"
        f"SELECT {columns} FROM {_staged(model.name)}"
    )


def _staged(table: TableName) -> str:
    return f"{STAGING}.{text.table(table)}"


def _view(name: str) -> str:
    return f"`default_catalog`.`default_database`.`{name}`"


def _columns(model: Model) -> str:
    return text.identifiers(column.name for column in model.columns)
