"""The suite's tables and cases in DuckDB."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from headwater.duckdb_sql import Translation, translate
from headwater.duckdb_terms.typed import duckdb_type
from headwater.duckdb_text import quoted, texted
from headwater.sqltype import SqlType
from tests.integration.engines.suite import Table, comparable


class Duck:
    """DuckDB with the suite's tables."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self._known = {table.name: table.columns for table in tables}
        self._versions = {table.name: table.time for table in tables if table.key}
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        for table in tables:
            self._fill(table)

    def _fill(self, table: Table) -> None:
        name = str(table.name)
        columns = ", ".join(
            f"{quoted(column)} {duckdb_type(exp.Null(), kind)}" for column, kind in table.columns.items()
        )
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.name.layer.value}")
        self._connection.execute(f"CREATE TABLE {name} ({columns})")
        for row in table.rows:
            values = ", ".join(_literal(value, kind) for value, kind in zip(row, table.columns.values(), strict=True))
            self._connection.execute(f"INSERT INTO {name} VALUES ({values})")

    def translate(self, sql: str) -> Translation:
        """Raises HeadwaterError."""
        return translate(sql, self._known, Path("case.sql"), versions=self._versions)

    def rows(self, found: Translation) -> list[list[Any]]:
        """What a translated query gives. Raises duckdb.Error."""
        kinds = [output.type for output in found.outputs]
        rows = self._connection.sql(found.sql).fetchall()
        return [[comparable(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows]


def _literal(value: Any, kind: SqlType) -> str:
    if value is None:
        return "NULL"
    name = duckdb_type(exp.Null(), kind)
    if kind.root in ("ARRAY", "ROW"):
        return f"CAST({texted(json.dumps(value, ensure_ascii=False))}::JSON AS {name})"
    if kind.root == "MAP":
        entries = ", ".join(f"{texted(key)}: {'NULL' if part is None else part}" for key, part in value.items())
        return f"CAST(MAP {{{entries}}} AS {name})"
    return f"CAST({texted(str(value))} AS {name})"
