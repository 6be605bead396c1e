"""A report's Flink SELECT as DuckDB SQL with the same meaning, or a refusal that says why.

The author's text is the only input; Flink itself is never sent anything made here. Whatever is not on the allow list
of this module and of `duckdb_terms` is refused: the engines differ silently in more places than anyone remembers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlglot import exp

from headwater.calendar import CALENDARS
from headwater.dialect import InvalidSyntax, parse
from headwater.duckdb_terms import RULES
from headwater.duckdb_terms.typed import Mistake, Refused, Surroundings, Typed, common_type, condition
from headwater.model import OutputColumn, TableName
from headwater.problem import HeadwaterError, Position
from headwater.sqltype import SqlType

_SELECT_PARTS = {"expressions", "from_", "joins", "where", "group", "having", "distinct", "with_", "kind", "hint"}
_JOINS = {
    ("", ""): "JOIN",
    ("", "INNER"): "JOIN",
    ("", "CROSS"): "CROSS JOIN",
    ("LEFT", ""): "LEFT JOIN",
    ("LEFT", "OUTER"): "LEFT JOIN",
    ("RIGHT", ""): "RIGHT JOIN",
    ("RIGHT", "OUTER"): "RIGHT JOIN",
    ("FULL", ""): "FULL JOIN",
    ("FULL", "OUTER"): "FULL JOIN",
}

Columns = Mapping[str, SqlType]

_CALENDARS: Mapping[str, Columns] = {
    name: {column: SqlType.parse(kind) for column, kind in columns.items()} for name, columns in CALENDARS.items()
}


@dataclass(frozen=True, slots=True)
class Translation:
    """A SELECT for DuckDB.

    Args:
        sql: DuckDB's text; its session must be in UTC.
        tree: The author's SELECT, parsed.
        outputs: The columns it gives, with the types that they have in Flink.
    """

    sql: str
    tree: exp.Expr
    outputs: tuple[OutputColumn, ...]


def translate(sql: str, tables: Mapping[TableName, Columns], file: Path) -> Translation:
    """Translate a report's or check's SELECT.

    Args:
        tables: The columns of every table that may be read; the calendar is known besides.
        file: Where the text stands, for messages.

    Raises HeadwaterError with file, line and column for what DuckDB is not known to run as Flink does.
    """
    tree = _parsed(sql, file)
    try:
        query = _Query({str(name): columns for name, columns in tables.items()}).query(tree, ())
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


@dataclass(frozen=True, slots=True)
class _Translated:
    """A query's DuckDB text and its output columns, in order."""

    sql: str
    columns: tuple[tuple[str, SqlType], ...]


@dataclass(frozen=True, slots=True)
class _Scope:
    """The sources of one SELECT by alias."""

    sources: dict[str, Columns] = field(default_factory=dict)


class _Query:
    """Translates queries, with the tables and the CTEs that are in sight."""

    def __init__(self, tables: Mapping[str, Columns], named: Mapping[str, Columns] | None = None) -> None:
        self._tables = {**tables, **_CALENDARS}
        self._named = dict(named or {})

    def query(self, node: exp.Expr, outer: tuple[_Scope, ...]) -> _Translated:
        """Any query: SELECT, UNION and their like, in parentheses or not."""
        for part in ("order", "limit", "offset", "fetch"):
            if node.args.get(part):
                raise Refused(
                    node.args[part],
                    f"{part.upper()} where a table is made: a table has no order; ROW_NUMBER() ranks rows",
                )
        if isinstance(node, exp.Subquery) and not node.args.get("alias"):
            return self.query(node.this, outer)
        inner = _Query(self._tables, self._named)
        prefix = inner._with(node, outer)
        if isinstance(node, exp.Select):
            found = inner._select(node, outer)
        elif isinstance(node, exp.SetOperation):
            found = inner._set_operation(node, outer)
        else:
            raise Refused(node, f"{node.key.upper()} is not a query that is known here")
        return _Translated(prefix + found.sql, found.columns)

    def _with(self, node: exp.Expr, outer: tuple[_Scope, ...]) -> str:
        with_ = node.args.get("with_")
        if with_ is None:
            return ""
        if with_.args.get("recursive"):
            raise Refused(with_, "WITH RECURSIVE")
        texts = []
        for cte in with_.expressions:
            if cte.args["alias"].args.get("columns"):
                raise Refused(cte, "a CTE that renames its columns")
            found = self.query(cte.this, outer)
            self._named[cte.alias] = dict(found.columns)
            texts.append(f"{_quoted(cte.alias)} AS ({found.sql})")
        return f"WITH {', '.join(texts)} "

    def _set_operation(self, node: exp.SetOperation, outer: tuple[_Scope, ...]) -> _Translated:
        if not isinstance(node, exp.Union) or node.args.get("by_name"):
            raise Refused(node, f"{node.key.upper()}; UNION and UNION ALL are known")
        left, right = self.query(node.this, outer), self.query(node.expression, outer)
        if len(left.columns) != len(right.columns):
            raise Mistake(node, f"the sides give {len(left.columns)} and {len(right.columns)} columns")
        columns = tuple(
            (name, common_type((node, node), (kind, other)))
            for (name, kind), (_, other) in zip(left.columns, right.columns, strict=True)
        )
        word = "UNION" if node.args.get("distinct") else "UNION ALL"
        return _Translated(f"({left.sql}) {word} ({right.sql})", columns)

    def _select(self, node: exp.Select, outer: tuple[_Scope, ...]) -> _Translated:
        for part, value in node.args.items():
            if value and part not in _SELECT_PARTS:
                raise Refused(value[0] if isinstance(value, list) else node, f"{part.upper().strip('_')}")
        if node.args.get("kind") or node.args.get("hint"):
            raise Refused(node, "hints and SELECT AS")
        scope = _Scope()
        scopes = (scope, *outer)
        from_ = self._from(node, scope, scopes, outer)
        around = self._surroundings(scopes)
        columns = list(self._outputs(node, scope, around))
        parts = ["SELECT"]
        if distinct := node.args.get("distinct"):
            if distinct.args.get("on"):
                raise Refused(distinct, "DISTINCT ON")
            parts.append("DISTINCT")
        parts.append(", ".join(f"{typed.sql} AS {_quoted(name)}" for name, typed in columns))
        parts.append(from_)
        if where := node.args.get("where"):
            parts.append(f"WHERE {condition(where.this, around)}")
        if group := node.args.get("group"):
            parts.append(f"GROUP BY {self._group(group, around)}")
        if having := node.args.get("having"):
            parts.append(f"HAVING {condition(having.this, around)}")
        return _Translated(" ".join(parts), tuple((name, typed.type) for name, typed in columns))

    def _group(self, group: exp.Group, around: Surroundings) -> str:
        extra = [part for part, value in group.args.items() if value and part != "expressions"]
        sets = [item for item in group.expressions if isinstance(item, exp.GroupingSets | exp.Cube | exp.Rollup)]
        if extra or sets or not group.expressions:
            raise Refused(group, "GROUP BY takes expressions here, not GROUPING SETS, CUBE, ROLLUP or ALL")
        if any(isinstance(item, exp.Literal) for item in group.expressions):
            raise Refused(group, "GROUP BY a position: name the expression")
        return ", ".join(around.expression(item).sql for item in group.expressions)

    def _from(self, node: exp.Select, scope: _Scope, scopes: tuple[_Scope, ...], outer: tuple[_Scope, ...]) -> str:
        from_ = node.args.get("from_")
        if from_ is None:
            raise Refused(node, "a SELECT without FROM")
        parts = [f"FROM {self._source(from_.this, scope, outer)}"]
        for join in node.args.get("joins") or ():
            word = _JOINS.get((join.side.upper(), join.kind.upper()))
            if word is None or join.method or join.args.get("using"):
                raise Refused(join, "joins with ON are known: JOIN, LEFT, RIGHT and FULL JOIN, CROSS JOIN")
            source = self._source(join.this, scope, outer)
            on = join.args.get("on")
            if on is None:
                parts.append(f"CROSS JOIN {source}")
            else:
                parts.append(f"{word} {source} ON {condition(on, self._surroundings(scopes))}")
        return " ".join(parts)

    def _source(self, node: exp.Expr, scope: _Scope, outer: tuple[_Scope, ...]) -> str:
        alias = node.alias_or_name
        if isinstance(node, exp.Subquery) and node.alias:
            found = self.query(node.this, outer)
            text, columns = f"({found.sql})", dict(found.columns)
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            text, columns = self._table(node)
        else:
            raise Refused(node, "FROM and JOIN take tables and sub-queries with an alias here")
        table_alias = node.args.get("alias")
        if table_alias is not None and table_alias.args.get("columns"):
            raise Refused(node, "an alias that renames columns")
        if alias in scope.sources:
            raise Mistake(node, f"two sources are called {alias}")
        scope.sources[alias] = columns
        return f"{text} AS {_quoted(alias)}"

    def _table(self, node: exp.Table) -> tuple[str, Columns]:
        extra = [part for part, value in node.args.items() if value and part not in ("this", "db", "alias")]
        if extra:
            raise Refused(node, f"{extra[0].upper()} on a table")
        if not node.db:
            if node.name in self._named:
                return _quoted(node.name), self._named[node.name]
            raise Mistake(node, f"there is no {node.name}: name a table as layer.table")
        name = f"{node.db}.{node.name}"
        if name not in self._tables:
            raise Mistake(node, f"there is no table {name} among {', '.join(self._tables)}")
        return f"{_quoted(node.db)}.{_quoted(node.name)}", self._tables[name]

    def _outputs(self, node: exp.Select, scope: _Scope, around: Surroundings) -> Iterator[tuple[str, Typed]]:
        for number, item in enumerate(node.expressions):
            if isinstance(item, exp.Star):
                yield from _every(item, scope, tuple(scope.sources))
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                yield from _every(item, scope, (item.table,))
            else:
                bare = item.this if isinstance(item, exp.Alias) else item
                # Flink's own name for an expression without one.
                yield item.alias_or_name or f"EXPR${number}", around.expression(bare)

    def _surroundings(self, scopes: tuple[_Scope, ...]) -> Surroundings:
        def subquery(node: exp.Expr) -> tuple[str, Sequence[SqlType]]:
            found = self.query(node, scopes)
            return found.sql, [kind for _, kind in found.columns]

        return Surroundings(lambda column: _resolved(column, scopes), subquery, RULES)


def _every(node: exp.Expr, scope: _Scope, aliases: tuple[str, ...]) -> Iterator[tuple[str, Typed]]:
    if any(node.args.get(part) for part in ("except_", "except", "replace", "rename")):
        raise Refused(node, "a star with exceptions")
    for alias in aliases:
        if alias not in scope.sources:
            raise Mistake(node, f"no source is called {alias}")
        for name, kind in scope.sources[alias].items():
            yield name, Typed(f"{_quoted(alias)}.{_quoted(name)}", kind)


def _resolved(column: exp.Column, scopes: tuple[_Scope, ...]) -> Typed:
    """The column of the innermost scope that has it. Names are case-sensitive, as in Flink."""
    if column.args.get("db"):
        raise Refused(column, "give the table an alias, and name the column by it")
    for scope in scopes:
        owners = [
            alias for alias, columns in scope.sources.items() if column.name in columns and column.table in ("", alias)
        ]
        if len(owners) > 1:
            raise Mistake(column, f"{column.name} could be of {' or '.join(owners)}")
        if owners:
            return Typed(f"{_quoted(owners[0])}.{_quoted(column.name)}", scope.sources[owners[0]][column.name])
    spelled = f"{column.table}.{column.name}" if column.table else column.name
    known = ", ".join(name for columns in scopes[0].sources.values() for name in columns)
    raise Mistake(column, f"there is no column {spelled}; there are {known}")


def _parsed(sql: str, file: Path) -> exp.Expr:
    try:
        trees = parse(sql)
    except InvalidSyntax as error:
        raise HeadwaterError(f"{_place(file, sql, error.offset)}: {error}", next_command=f"correct {file}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise HeadwaterError(f"{file}: one SELECT is wanted", next_command=f"correct {file}")
    return trees[0]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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
