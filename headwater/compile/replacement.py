"""The batch statements that hold a shadow against its table, and put its rows in the table's place."""

from headwater.compile import text
from headwater.compile.storage import CATALOG
from headwater.model import Model, TableName
from headwater.shadow import shadow

_OLD, _NEW = "__old", "__new"


def comparison(model: Model) -> str:
    """One row: how many rows of a table with a key are the same, changed, new and gone in its shadow."""
    first = text.identifier(model.key[0])
    here, there = f"`{_OLD}`.{first} IS NOT NULL", f"`{_NEW}`.{first} IS NOT NULL"
    differs = _differs(model, _OLD, _NEW)
    return (
        "SELECT "
        f"COUNT(*) FILTER (WHERE {here} AND {there} AND NOT ({differs})) AS `same`,\n"
        f"COUNT(*) FILTER (WHERE {here} AND {there} AND ({differs})) AS `changed`,\n"
        f"COUNT(*) FILTER (WHERE NOT ({here})) AS `added`,\n"
        f"COUNT(*) FILTER (WHERE NOT ({there})) AS `removed`\n"
        f"FROM {_table(model)} AS `{_OLD}` FULL OUTER JOIN {_shadow(model)} AS `{_NEW}`\n"
        f"ON {_same_key(model, _OLD, _NEW)}"
    )


def merge(model: Model) -> str:
    """Write what differs, in one commit that jobs which read the table see as changes.

    https://paimon.apache.org/docs/master/flink/procedures/ (merge_into). An alias that is the table's own name would
    make it refer to itself.
    """
    beside = shadow(model.name)
    arguments = {
        "target_table": str(model.name),
        "target_alias": _OLD,
        "source_table": str(beside),
        "merge_condition": _same_key(model, _OLD, beside.table),
        "matched_upsert_condition": _differs(model, _OLD, beside.table),
        "matched_upsert_setting": "*",
        "not_matched_insert_values": "*",
        "not_matched_by_source_delete_condition": "TRUE",
    }
    if len(model.columns) == len(model.key):
        del arguments["matched_upsert_condition"], arguments["matched_upsert_setting"]
    said = ",\n".join(f"`{name}` => {text.literal(value)}" for name, value in arguments.items())
    return f"CALL {CATALOG}.sys.merge_into(\n{said})"


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


def _same_key(model: Model, old: str, new: str) -> str:
    return " AND ".join(f"`{old}`.{name} = `{new}`.{name}" for name in map(text.identifier, model.key))


def _differs(model: Model, old: str, new: str) -> str:
    others = [text.identifier(column.name) for column in model.columns if column.name not in model.key]
    return " OR ".join(f"`{old}`.{name} IS DISTINCT FROM `{new}`.{name}" for name in others) or "FALSE"
