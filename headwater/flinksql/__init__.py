"""Flink SQL for sqlglot: a dialect called «flink» that reads and writes it.

The platform sends Flink the author's own text and never one that was generated: trees are read to learn what a query
reads and gives, and to translate it. Whoever uses sqlglot may write Flink SQL by it; `qualify` and `lineage` work.
Every function call stays a name with arguments (`exp.Anonymous`), so nothing is renamed behind the author's back.
Syntax: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/sql/queries/overview/
"""

from headwater.flinksql.datatypes import cast_type, data_type, sql_type
from headwater.flinksql.dialect import Flink, generate, parse
from headwater.flinksql.nodes import (
    WINDOW_ARGUMENTS,
    WINDOW_COLUMNS,
    InvalidSyntax,
    JsonCall,
    MapLiteral,
    Matched,
    WindowBound,
    WindowTable,
)

__all__ = [
    "WINDOW_ARGUMENTS",
    "WINDOW_COLUMNS",
    "Flink",
    "InvalidSyntax",
    "JsonCall",
    "MapLiteral",
    "Matched",
    "WindowBound",
    "WindowTable",
    "cast_type",
    "data_type",
    "generate",
    "parse",
    "sql_type",
]
