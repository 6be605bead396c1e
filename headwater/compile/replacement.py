"""The batch statements that hold a shadow against its table, and put its rows in the table's place."""

from headwater.compile import text
from headwater.compile.procedures import OLD, merge_into, same_key
from headwater.compile.storage import CATALOG
from headwater.model import Model, TableName
from headwater.shadow import shadow

_NEW = "__new"


def comparison(model: Model) -> str:
    """One row: how many rows of a table with a key are the same, changed, new and gone in its shadow."""
    first = text.identifier(model.key[0])
    here, there = f"`{OLD}`.{first} IS NOT NULL", f"`{_NEW}`.{first} IS NOT NULL"
    differs = _differs(model, OLD, _NEW)
    return (
        "SELECT "
        f"COUNT(*) FILTER (WHERE {here} AND {there} AND NOT ({differs})) AS `same`,\n"
        f"COUNT(*) FILTER (WHERE {here} AND {there} AND ({differs})) AS `changed`,\n"
        f"COUNT(*) FILTER (WHERE NOT ({here})) AS `added`,\n"
        f"COUNT(*) FILTER (WHERE NOT ({there})) AS `removed`\n"
        f"FROM {_table(model)} AS `{OLD}` FULL OUTER JOIN {_shadow(model)} AS `{_NEW}`\n"
        f"ON {same_key(model, OLD, _NEW)}"
    )


def merge(model: Model) -> str:
    """Write what differs, in one commit that jobs which read the table see as changes."""
    beside = shadow(model.name)
    return merge_into(model, str(beside), beside.table, changed=_differs(model, OLD, beside.table), gone="TRUE")


def overwrite(model: Model) -> str:
    """Replace all files in one commit; jobs that read the table go on from the rows written after it.

    https://paimon.apache.org/docs/master/flink/sql-write/ (static overwrite: partitions without new rows go too).
    """
    columns = text.identifiers(column.name for column in model.columns)
    return (
        f"INSERT OVERWRITE {_table(model)} /*+ OPTIONS('dynamic-partition-overwrite' = 'false') */\n"
        f"SELECT {columns} FROM {_shadow(model)}"
    )


def drop_shadow(table: TableName) -> str:
    """The statement that drops a table's shadow, if it is there."""
    return f"DROP TABLE IF EXISTS {CATALOG}.{text.table(shadow(table))}"


def _table(model: Model) -> str:
    return f"{CATALOG}.{text.table(model.name)}"


def _shadow(model: Model) -> str:
    return f"{CATALOG}.{text.table(shadow(model.name))}"


def _differs(model: Model, old: str, new: str) -> str:
    others = [text.identifier(column.name) for column in model.columns if column.name not in model.key]
    return " OR ".join(f"`{old}`.{name} IS DISTINCT FROM `{new}`.{name}" for name in others) or "FALSE"
