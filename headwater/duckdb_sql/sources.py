"""What stands in FROM and JOIN, for DuckDB."""

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from headwater.duckdb_sql.scope import Columns, Scope, Source, Translated, distinct
from headwater.duckdb_sql.windows import window_columns, window_sql
from headwater.duckdb_terms.typed import (
    TIMES,
    Mistake,
    Refused,
    Surroundings,
    Typed,
    common_type,
    condition,
)
from headwater.duckdb_text import quoted, texted
from headwater.flinksql import Matched, WindowTable
from headwater.sqltype import SqlType

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
_HARMLESS_OPTIONS = ("scan.parallelism", "scan.infer-parallelism")

Query = Callable[[exp.Expr, tuple[Scope, ...]], Translated]


class Sources:
    """Builds the FROM of one SELECT, and the scope that goes with it."""

    def __init__(
        self,
        tables: Mapping[str, Columns],
        named: Mapping[str, Columns],
        versions: Mapping[str, str],
        query: Query,
        surroundings: Callable[[tuple[Scope, ...]], Surroundings],
    ) -> None:
        self._tables = tables
        self._named = named
        self._versions = versions
        self._query = query
        self._surroundings = surroundings

    def from_(self, node: exp.Select, scope: Scope, outer: tuple[Scope, ...]) -> str:
        """FROM and all joins."""
        from_ = node.args.get("from_")
        if from_ is None:
            raise Refused(node, "a SELECT without FROM")
        parts = [f"FROM {self._source(from_.this, scope, outer)}"]
        parts += [self._join(join, scope, outer) for join in self._joins(node, from_.this)]
        return " ".join(parts)

    def _joins(self, node: exp.Select, first: exp.Expr) -> Sequence[exp.Join]:
        if node.args.get("laterals"):
            raise Refused(node, "LATERAL without a comma or JOIN before it")
        return [*(first.args.get("joins") or ()), *(node.args.get("joins") or ())]

    def _join(self, join: exp.Join, scope: Scope, outer: tuple[Scope, ...]) -> str:
        word = _JOINS.get((join.side.upper(), join.kind.upper()))
        if word is None or join.method:
            raise Refused(join, "joins with ON or USING are known: JOIN, LEFT, RIGHT and FULL JOIN, CROSS JOIN")
        if isinstance(join.this, exp.Table) and join.this.args.get("version"):
            return self._versioned(join, word, scope, outer)
        known = len(scope.sources)
        source = self._source(join.this, scope, outer)
        if using := join.args.get("using"):
            return f"{word} {source} USING ({', '.join(self._merged(name, word, scope, known) for name in using)})"
        on = join.args.get("on")
        if on is None:
            return f"CROSS JOIN {source}"
        if isinstance(join.this, exp.Unnest | exp.Lateral) and not (word == "JOIN" or isinstance(on, exp.Boolean)):
            raise Refused(join, f"{word} UNNEST with a condition other than TRUE")
        return f"{word} {source} ON {condition(on, self._surroundings((scope, *outer)))}"

    def _merged(self, name: exp.Expr, word: str, scope: Scope, known: int) -> str:
        """One column of USING, which from now on stands for those of both sides."""
        left = [source for source in scope.sources[:known] if name.name in source.columns]
        right = scope.sources[-1]
        if name.name not in right.columns or (len(left) != 1 and name.name not in scope.merged):
            raise Mistake(name, f"{name.name} of USING is not one column on either side")
        if word not in ("JOIN", "LEFT JOIN"):
            raise Refused(name, f"{word} with USING: write ON")
        first = scope.merged.get(name.name) or left[0].typed(name.name)
        common_type((name, name), (first.type, right.columns[name.name]))
        scope.merged.setdefault(name.name, first)
        return quoted(name.name)

    def _source(self, node: exp.Expr, scope: Scope, outer: tuple[Scope, ...]) -> str:
        """One source as it stands in FROM; adds it to the scope."""
        if isinstance(node, exp.Unnest | exp.Lateral):
            return self._lateral(node, scope, outer)
        if isinstance(node, WindowTable):
            text, columns = self._window(node, outer)
        elif isinstance(node, exp.Subquery):
            if node.args.get("joins") or isinstance(node.this, exp.Table):
                raise Refused(node, "joins in parentheses")
            found = self._query(node.this, outer)
            text, columns = f"({found.sql})", found.as_columns(node)
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            return self._plain_table(node, scope)
        elif isinstance(node, Matched):
            raise Refused(node, "MATCH_RECOGNIZE has no counterpart")
        else:
            raise Refused(node, "FROM and JOIN take tables, sub-queries, windows and UNNEST here")
        return self._added(node, text, columns, scope)

    def _plain_table(self, node: exp.Table, scope: Scope) -> str:
        text, columns, qualifiers = self._table(node)
        return self._added(node, text, columns, scope, qualifiers)

    def _added(
        self,
        node: exp.Expr,
        text: str,
        columns: Columns,
        scope: Scope,
        qualifiers: tuple[tuple[str, ...], ...] = (),
    ) -> str:
        alias = node.args.get("alias")
        names = [column.name for column in alias.args.get("columns") or ()] if alias is not None else []
        if isinstance(node.args.get("offset"), exp.Identifier):
            # sqlglot takes the last name, which is that of the place.
            names.append(node.args["offset"].name)
        if names:
            text, columns = _renamed(node, text, columns, names)
        # Flink lets a sub-query stand without a name.
        name = node.alias_or_name if not isinstance(node, exp.Subquery) or node.alias else f"#{len(scope.sources)}"
        if node.alias:
            qualifiers = ((node.alias,),)
        scope.add(node, Source(name, columns, qualifiers))
        return f"{text} AS {quoted(name)}"

    def _table(self, node: exp.Table) -> tuple[str, Columns, tuple[tuple[str, ...], ...]]:
        extra = [part for part, value in node.args.items() if value and part not in ("this", "db", "alias", "joins")]
        if "hints" in extra:
            _check_options(node)
            extra.remove("hints")
        if extra == ["version"]:
            raise Refused(node, "FOR SYSTEM_TIME AS OF, other than in a join with a table that holds all versions")
        if extra:
            raise Refused(node, f"{extra[0].upper()} on a table")
        if not node.db:
            if node.name in self._named:
                return quoted(node.name), self._named[node.name], ((node.name,),)
            raise Mistake(node, f"there is no {node.name}: name a table as layer.table")
        name = f"{node.db}.{node.name}"
        if name not in self._tables:
            raise Mistake(node, f"there is no table {name} among {', '.join(self._tables)}")
        columns = self._tables[name]
        distinct(node, columns)
        return f"{quoted(node.db)}.{quoted(node.name)}", columns, ((node.name,), (node.db, node.name))

    def _window(self, node: WindowTable, outer: tuple[Scope, ...]) -> tuple[str, Columns]:
        inner = Scope()
        text = self._source(node.source, inner, outer)
        columns = window_columns(node, inner.sources[0])
        return window_sql(node, text, inner.sources[0]), columns

    def _lateral(self, node: exp.Expr, scope: Scope, outer: tuple[Scope, ...]) -> str:
        """UNNEST, or a sub-query that sees the sources before it."""
        inner = node.this if isinstance(node, exp.Lateral) else node
        if isinstance(inner, exp.Unnest):
            text, columns = self._unnest(inner, self._surroundings((scope, *outer)))
        elif isinstance(inner, exp.Subquery):
            found = self._query(inner.this, (scope, *outer))
            text, columns = found.sql, found.as_columns(node)
        else:
            raise Refused(node, "a table function: DuckDB does not have the author's functions")
        added = self._added(node, f"({text})", columns, scope)
        return f"LATERAL {added}"

    def _unnest(self, node: exp.Unnest, around: Surroundings) -> tuple[str, Columns]:
        if len(node.expressions) != 1:
            raise Refused(node, "UNNEST takes one array or map")
        given = around.expression(node.expressions[0])
        columns, values = _elements(node, given)
        text = f"SELECT {', '.join(f'{value} AS {quoted(name)}' for name, value in zip(columns, values, strict=True))}"
        rows = given.sql if given.type.root == "ARRAY" else f"map_entries({given.sql})"
        entries = f"SELECT UNNEST({rows}) AS e"
        if offset := node.args.get("offset"):
            if given.type.root != "ARRAY":
                raise Refused(node, "WITH ORDINALITY of a map, whose entries have no order")
            name = offset.name if isinstance(offset, exp.Identifier) else "ORDINALITY"
            columns[name] = SqlType("INT")
            entries += f", CAST(generate_subscripts({rows}, 1) AS INTEGER) AS n"
            text += f", n AS {quoted(name)}"
        return f"{text} FROM ({entries})", columns

    def _versioned(self, join: exp.Join, word: str, scope: Scope, outer: tuple[Scope, ...]) -> str:
        """A join with the version of a row that held at a time, by DuckDB's ASOF JOIN."""
        table = join.this.copy()
        version, name = table.args["version"], f"{table.db}.{table.name}"
        table.set("version", None)
        if name not in self._versions:
            raise Refused(
                join.this, f"a join with {name} as of a time: it keeps the newest row of a key, not all versions"
            )
        if word not in ("JOIN", "LEFT JOIN") or join.args.get("on") is None:
            raise Refused(join, "a join as of a time is a JOIN or LEFT JOIN with ON")
        before = self._surroundings((scope, *outer)).expression(version.expression)
        source = self._source(table, scope, outer)
        since = scope.sources[-1].typed(self._versions[name])
        if before.type.root not in TIMES or since.type.root != before.type.root:
            raise Refused(join, f"a join of {since.type} as of {before.type}")
        equal = condition(join.args["on"], self._surroundings((scope, *outer)))
        return f"ASOF {word} {source} ON {equal} AND {before.sql} >= {since.sql}"


def _elements(node: exp.Unnest, given: Typed) -> tuple[dict[str, SqlType], list[str]]:
    """The columns that UNNEST gives, and their texts over an entry `e`."""
    kind = given.type
    if kind.root == "MAP":
        return dict(zip(("KEY", "VALUE"), kind.elements, strict=True)), ["e.key", "e.value"]
    if kind.root != "ARRAY":
        raise Refused(node, f"UNNEST of {kind}")
    element = kind.elements[0]
    if element.root == "ROW":
        fields = [f"struct_extract(e, {texted(name)})" for name in element.names]
        return dict(zip(element.names, element.elements, strict=True)), fields
    return {"EXPR$0": element}, ["e"]


def _renamed(node: exp.Expr, text: str, columns: Columns, names: list[str]) -> tuple[str, Columns]:
    """A source under an alias that names its columns."""
    if len(names) != len(columns):
        raise Mistake(node, f"{len(names)} names for {len(columns)} columns")
    distinct(node, names)
    pairs = list(zip(columns, names, strict=True))
    chosen = ", ".join(f"{quoted(old)} AS {quoted(new)}" for old, new in pairs)
    return f"(SELECT {chosen} FROM {text})", {new: columns[old] for old, new in pairs}


def _check_options(node: exp.Table) -> None:
    """Options that change which rows are read are refused."""
    for option in (option for hint in node.args["hints"] for option in hint.find_all(exp.EQ)):
        if option.this.name not in _HARMLESS_OPTIONS:
            raise Refused(node, f"the option {option.this.name} of a table")
