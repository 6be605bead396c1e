"""A Flink SELECT as DuckDB SQL with the same meaning, or a refusal that says why.

The author's text is the only input; Flink itself is never sent anything made here. Whatever is not on the allow list
of this package and of `duckdb_terms` is refused: the engines differ silently in more places than anyone remembers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from headwater.duckdb_sql.query import QueryTranslator
from headwater.duckdb_sql.scope import Columns
from headwater.duckdb_terms.typed import Mistake, Refused
from headwater.flinksql import InvalidSyntax, parse
from headwater.model import OutputColumn, TableName
from headwater.problem import HeadwaterError, Position

__all__ = ["Columns", "Translation", "translate"]


@dataclass(frozen=True, slots=True)
class Translation:
    """A SELECT for DuckDB.

    Args:
        sql: DuckDB's text; its session must be in UTC. What only the rows can tell it refuses when it runs, with
            DuckDB's error(…).
        tree: The author's SELECT, parsed.
        outputs: The columns it gives, with the types that they have in Flink.
    """

    sql: str
    tree: exp.Expr
    outputs: tuple[OutputColumn, ...]


def translate(
    sql: str, tables: Mapping[TableName, Columns], file: Path, *, versions: Mapping[TableName, str] | None = None
) -> Translation:
    """Translate a SELECT.

    Args:
        tables: The columns of every table that may be read; the calendar is known besides.
        file: Where the text stands, for messages.
        versions: Tables that hold every version of their rows, each with the column that says from when a version
            holds: what FOR SYSTEM_TIME AS OF can look into. A table that keeps the newest row of a key is none.

    Raises HeadwaterError with file, line and column for what DuckDB is not known to run as Flink does.
    """
    tree = _parsed(sql, file)
    known = {str(name): columns for name, columns in tables.items()}
    try:
        query = QueryTranslator(known, {str(name): column for name, column in (versions or {}).items()}).query(tree, ())
    except Refused as refused:
        why = (
            ""
            if isinstance(refused, Mistake)
            else "DuckDB, which computes this, is not known to run it as Flink does: "
        )
        raise HeadwaterError(
            f"{_position(file, sql, refused.node)}: {why}{refused.reason}",
            next_command=f"write it otherwise in {file}",
        ) from refused
    outputs = tuple(OutputColumn(name, kind) for name, kind in query.columns)
    return Translation(query.sql, tree, outputs)


def _parsed(sql: str, file: Path) -> exp.Expr:
    try:
        trees = parse(sql)
    except InvalidSyntax as error:
        raise HeadwaterError(f"{_place(file, sql, error.offset)}: {error}", next_command=f"correct {file}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise HeadwaterError(f"{file}: one SELECT is wanted", next_command=f"correct {file}")
    return trees[0]


def _position(file: Path, sql: str, node: exp.Expr) -> Position:
    """Where the node begins, as near as the parser says."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    if not starts:
        parent = node.parent
        return _position(file, sql, parent) if parent is not None else Position(file)
    return _place(file, sql, min(starts))


def _place(file: Path, sql: str, offset: int) -> Position:
    before = sql[:offset]
    return Position(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
