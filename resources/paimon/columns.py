"""A table's columns in DuckDB's SQL, whatever schema a file was written with.

Paimon identifies a column by its field id: names may change, types may widen, columns may come and go. Which change of
a type keeps every value as Flink would give it is listed here; any other is left to the native reader.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.duckdb_text import quoted, texted
from headwater.sqltype import SqlType
from resources.paimon.datafiles import bare_type

_PLAIN = {
    "STRING": "VARCHAR",
    "CHAR": "VARCHAR",
    "VARCHAR": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INT": "INTEGER",
    "BIGINT": "BIGINT",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "DATE": "DATE",
    "TIME": "TIME",
    "BYTES": "BLOB",
    "BINARY": "BLOB",
    "VARBINARY": "BLOB",
}
_WIDER = {
    "TINYINT": ("SMALLINT", "INT", "BIGINT"),
    "SMALLINT": ("INT", "BIGINT"),
    "INT": ("BIGINT",),
    "FLOAT": ("DOUBLE",),
    "VARCHAR": ("VARCHAR", "STRING"),
    "CHAR": ("VARCHAR", "STRING"),
    "VARBINARY": ("VARBINARY", "BYTES"),
}


class Unreadable(ValueError):
    """A column that DuckDB would not read as Flink does; the message says which and why."""


def duckdb_type(sql_type: SqlType) -> str:
    """DuckDB's type of a column. Raises Unreadable for a type that its Parquet reader has otherwise."""
    if sql_type.root in _PLAIN:
        return _PLAIN[sql_type.root]
    match sql_type.root:
        case "DECIMAL":
            return f"DECIMAL({sql_type.precision}, {sql_type.scale})"
        case "TIMESTAMP" | "TIMESTAMP_LTZ" if sql_type.precision <= 6:
            return "TIMESTAMP" if sql_type.root == "TIMESTAMP" else "TIMESTAMPTZ"
        case "ARRAY":
            return f"{duckdb_type(sql_type.elements[0])}[]"
        case "MAP":
            return f"MAP({', '.join(map(duckdb_type, sql_type.elements))})"
        case "ROW":
            fields = zip(sql_type.names, sql_type.elements, strict=True)
            return f"STRUCT({', '.join(f'{quoted(name)} {duckdb_type(element)}' for name, element in fields)})"
        case _:
            raise Unreadable(f"{sql_type} is left to the native reader")


def written_as(column: str, kind: SqlType, newest: Mapping[str, Any], written: Mapping[str, Any] | None) -> str:
    """The expression that gives a column of today from a file of some schema.

    Args:
        column: Its name in the newest schema, whose field is `newest`.
        kind: Its type there.
        written: The field with the same id in the file's schema; None when it had none then.

    Raises Unreadable.
    """
    target = duckdb_type(kind)
    if written is None:
        return f"CAST(NULL AS {target}) AS {quoted(column)}"
    if bare_type(written) != bare_type(newest) and not _is_wider(_type(written), kind):
        raise Unreadable(f"the type of {column} was changed in a way that is left to the native reader")
    return f"CAST({quoted(written['name'])} AS {target}) AS {quoted(column)}"


def _type(field: Mapping[str, Any]) -> SqlType | None:
    text = bare_type(field)
    return SqlType.parse(text) if isinstance(text, str) else None


def _is_wider(before: SqlType | None, after: SqlType) -> bool:
    if before is None:
        return False
    if before.root == after.root == "DECIMAL":
        return before.scale == after.scale and before.precision <= after.precision
    if before.root == after.root and before.root in ("VARCHAR", "VARBINARY"):
        return before.arguments <= after.arguments
    return after.root in _WIDER.get(before.root, ()) and (
        after.root in ("STRING", "BYTES") or before.root != after.root
    )


def sources(files: Mapping[int, Sequence[str]], expressions: Mapping[int, Sequence[str]], further: str = "") -> str:
    """One SELECT over files by the id of their schema.

    Args:
        expressions: What to select of the files of each schema.
        further: Selected of all of them too; also a WHERE may follow the closing bracket of the caller.
    """
    parts = []
    for schema_id, paths in files.items():
        listed = ", ".join(map(texted, paths))
        columns = ", ".join((*expressions[schema_id], *([further] if further else ())))
        # The folders of partitions look like Hive's; a column of a folder would hide the file's own.
        parts.append(f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)")
    return " UNION ALL ".join(parts)
