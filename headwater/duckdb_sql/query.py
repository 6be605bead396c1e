"""SELECT, set operations and WITH, for DuckDB."""

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from headwater.calendar import CALENDARS
from headwater.duckdb_sql.scope import Columns, Scope, Translated, resolved
from headwater.duckdb_sql.sources import Sources
from headwater.duckdb_terms import RULES
from headwater.duckdb_terms.typed import (
    NESTED,
    Mistake,
    Refused,
    Surroundings,
    Typed,
    common_type,
    condition,
    duckdb_type,
)
from headwater.duckdb_text import quoted
from headwater.sqltype import SqlType

_SELECT_PARTS = {"expressions", "from_", "joins", "where", "group", "having", "distinct", "with_", "kind", "hint"}
_SET_OPERATIONS: dict[type[exp.Expr], str] = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}
_CALENDARS: Mapping[str, Columns] = {
    name: {column: SqlType.parse(kind) for column, kind in columns.items()} for name, columns in CALENDARS.items()
}
_HARMLESS_HINTS = ("BROADCAST", "SHUFFLE_HASH", "SHUFFLE_MERGE", "NEST_LOOP")


class QueryTranslator:
    """Translates queries, with the tables and the CTEs that are in sight."""

    def __init__(
        self,
        tables: Mapping[str, Columns],
        versions: Mapping[str, str],
        named: Mapping[str, Columns] | None = None,
    ) -> None:
        self._tables = {**tables, **_CALENDARS}
        self._versions = versions
        self._named = dict(named or {})

    def query(self, node: exp.Expr, outer: tuple[Scope, ...]) -> Translated:
        """Any query: SELECT, UNION and their like, in parentheses or not."""
        for part in ("order", "limit", "offset", "fetch"):
            if node.args.get(part):
                raise Refused(
                    node.args[part],
                    f"{part.upper()} where a table is made: a table has no order; ROW_NUMBER() ranks rows",
                )
        if isinstance(node, exp.Subquery) and not node.args.get("alias"):
            return self.query(node.this, outer)
        inner = QueryTranslator(self._tables, self._versions, self._named)
        prefix = inner._with(node, outer)
        if isinstance(node, exp.Select):
            found = inner._select(node, outer)
        elif isinstance(node, exp.SetOperation):
            found = inner._set_operation(node, outer)
        else:
            raise Refused(node, f"{node.key.upper()} is not a query that is known here")
        return Translated(prefix + found.sql, found.columns)

    def _with(self, node: exp.Expr, outer: tuple[Scope, ...]) -> str:
        with_ = node.args.get("with_")
        if with_ is None:
            return ""
        if with_.args.get("recursive"):
            raise Refused(with_, "WITH RECURSIVE")
        texts = []
        for cte in with_.expressions:
            found = self.query(cte.this, outer)
            names = [column.name for column in cte.args["alias"].args.get("columns") or ()]
            if names and len(names) != len(found.columns):
                raise Mistake(cte, f"{len(names)} names for {len(found.columns)} columns")
            kinds = [kind for _, kind in found.columns]
            renamed = Translated(found.sql, tuple(zip(names, kinds, strict=True))) if names else found
            self._named[cte.alias] = renamed.as_columns(cte)
            columns = f" ({', '.join(map(quoted, names))})" if names else ""
            texts.append(f"{quoted(cte.alias)}{columns} AS ({found.sql})")
        return f"WITH {', '.join(texts)} "

    def _set_operation(self, node: exp.SetOperation, outer: tuple[Scope, ...]) -> Translated:
        word = _SET_OPERATIONS.get(type(node))
        if word is None or node.args.get("by_name"):
            raise Refused(node, f"{node.key.upper()}; UNION, INTERSECT and EXCEPT are known")
        left, right = self.query(node.this, outer), self.query(node.expression, outer)
        if len(left.columns) != len(right.columns):
            raise Mistake(node, f"the sides give {len(left.columns)} and {len(right.columns)} columns")
        columns = tuple(
            (name, common_type((node, node), (kind, other)))
            for (name, kind), (_, other) in zip(left.columns, right.columns, strict=True)
        )
        everything = word == "UNION" and not node.args.get("distinct")
        if not everything and any(kind.root in NESTED for _, kind in columns):
            raise Refused(node, f"{word} of arrays, maps or rows")
        word = word if node.args.get("distinct") else f"{word} ALL"
        sides = [_widened(node, side, columns) for side in (left, right)]
        return Translated(f"({sides[0]}) {word} ({sides[1]})", columns)

    def _select(self, node: exp.Select, outer: tuple[Scope, ...]) -> Translated:
        _check_parts(node)
        scope = Scope()
        scopes = (scope, *outer)
        from_ = Sources(self._tables, self._named, self._versions, self.query, self._surroundings).from_(
            node, scope, outer
        )
        around = self._surroundings(scopes)
        columns = list(_outputs(node, scope, around))
        parts = ["SELECT"]
        if distinct := node.args.get("distinct"):
            if distinct.args.get("on") or any(typed.type.root in NESTED for _, typed in columns):
                raise Refused(distinct, "DISTINCT ON, or DISTINCT of arrays, maps or rows")
            parts.append("DISTINCT")
        parts.append(", ".join(f"{typed.sql} AS {quoted(name)}" for name, typed in columns))
        parts.append(from_)
        if where := node.args.get("where"):
            parts.append(f"WHERE {condition(where.this, around)}")
        if group := node.args.get("group"):
            parts.append(f"GROUP BY {_group(group, around)}")
        if having := node.args.get("having"):
            parts.append(f"HAVING {condition(having.this, around)}")
        return Translated(" ".join(parts), tuple((name, typed.type) for name, typed in columns))

    def _surroundings(self, scopes: tuple[Scope, ...]) -> Surroundings:
        def subquery(node: exp.Expr) -> tuple[str, Sequence[SqlType]]:
            found = self.query(node, scopes)
            return found.sql, [kind for _, kind in found.columns]

        return Surroundings(lambda column: resolved(column, scopes), subquery, RULES)


def _check_parts(node: exp.Select) -> None:
    for part, value in node.args.items():
        if value and part not in _SELECT_PARTS:
            raise Refused(value[0] if isinstance(value, list) else node, f"{part.upper().strip('_')}")
    if node.args.get("kind"):
        raise Refused(node, "SELECT AS")
    for hint in node.args["hint"].expressions if node.args.get("hint") else ():
        if hint.name.upper() not in _HARMLESS_HINTS:
            raise Refused(node, f"the hint {hint.name.upper()}, which may change the rows")


def _outputs(node: exp.Select, scope: Scope, around: Surroundings) -> Iterator[tuple[str, Typed]]:
    for number, item in enumerate(node.expressions):
        if isinstance(item, exp.Star):
            yield from scope.every(item)
        elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            yield from scope.every(item, tuple(part.name for part in item.parts[:-1]))
        else:
            bare = item.this if isinstance(item, exp.Alias) else item
            own = bare.expression.name if isinstance(bare, exp.Dot) else ""
            # Flink's own name for an expression without one.
            yield item.alias_or_name or own or f"EXPR${number}", around.expression(bare)


def _group(group: exp.Group, around: Surroundings) -> str:
    parts = [_grouped(item, around) for item in group.expressions]
    for kind in ("grouping_sets", "cube", "rollup"):
        parts += [_grouped(item, around) for item in group.args.get(kind) or ()]
    known = {"expressions", "grouping_sets", "cube", "rollup"}
    if not parts or any(value and part not in known for part, value in group.args.items()):
        raise Refused(group, "GROUP BY takes expressions, GROUPING SETS, CUBE and ROLLUP here")
    return ", ".join(parts)


def _grouped(item: exp.Expr, around: Surroundings) -> str:
    words = {exp.GroupingSets: "GROUPING SETS ", exp.Cube: "CUBE ", exp.Rollup: "ROLLUP ", exp.Tuple: ""}
    if type(item) in words:
        return f"{words[type(item)]}({', '.join(_grouped(part, around) for part in item.expressions)})"
    if isinstance(item, exp.Literal):
        raise Refused(item, "GROUP BY a position: name the expression")
    bare = item.this if isinstance(item, exp.Paren) else item
    typed = around.expression(bare)
    if typed.type.root in NESTED:
        raise Refused(item, f"GROUP BY {typed.type}")
    return typed.sql


def _widened(node: exp.Expr, side: Translated, columns: Sequence[tuple[str, SqlType]]) -> str:
    """A side of a set operation, its columns in the type of both: DuckDB's own choice may be another."""
    if all(kind == wanted for (_, kind), (_, wanted) in zip(side.columns, columns, strict=True)):
        return side.sql
    names = [f"c{number}" for number in range(len(columns))]
    chosen = ", ".join(
        f"CAST({name} AS {duckdb_type(node, kind)}) AS {quoted(column)}"
        for name, (column, kind) in zip(names, columns, strict=True)
    )
    return f"SELECT {chosen} FROM ({side.sql}) AS side({', '.join(names)})"
