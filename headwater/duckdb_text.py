"""Spelling of names and literals in DuckDB's SQL."""

from headwater.model import TableName


def quoted(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(name: TableName) -> str:
    """A table's quoted name, with its schema."""
    return f"{quoted(name.layer.value)}.{quoted(name.table)}"


def texted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"
