"""What queries give: SELECT, set operations, VALUES, and all that can stand in FROM."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlglot import exp

from headwater.calendar import CALENDARS
from headwater.diagnostics import Diagnostics, closest
from headwater.expression import Expressions
from headwater.flinksql import WINDOW_COLUMNS, Matched, WindowTable
from headwater.model import Column, Layer, Origin, TableName
from headwater.origins import united
from headwater.scope import Binding, Field, Origins, Relation, Scope, Typed, Unknown
from headwater.sqltype import SqlType

_CALENDARS = {
    name: Relation(tuple(Field(column, SqlType.parse(kind)) for column, kind in columns.items()))
    for name, columns in CALENDARS.items()
}
_NO_FIELDS = Relation((), is_complete=False)

Schema = Mapping[TableName, tuple[Column, ...] | None]
"""The columns of every declared table; None for one whose declaration cannot be read."""


class Relations:
    """Walks the queries of one text, and notes which tables they read and which columns windows go by."""

    def __init__(self, found: Diagnostics, schema: Schema, may_read_calendar: bool) -> None:
        self.found = found
        self.schema = schema
        self.may_read_calendar = may_read_calendar
        self.reads: dict[TableName, None] = {}
        self.time_columns: dict[Origin, None] = {}
        self.calendars: dict[str, None] = {}
        self.expressions = Expressions(found, self.query)
        self.common_tables: list[dict[str, Relation]] = []

    def query(self, node: exp.Expr, outer: Scope | None) -> Relation:
        """What a query gives: a SELECT, a set operation, VALUES, or one of them in parentheses."""
        with_ = node.args.get("with_")
        if with_ is not None:
            self.common_tables.append({})
            for table in with_.expressions:
                relation = _renamed(self.query(table.this, outer), _column_aliases(table))
                self.common_tables[-1][table.alias] = relation
        try:
            if isinstance(node, exp.Subquery):
                return self.query(node.this, outer)
            if isinstance(node, exp.SetOperation):
                return self.set_operation(node, outer)
            if isinstance(node, exp.Values):
                return self.values(node, outer)
            if isinstance(node, exp.Select):
                return self.select(node, outer)
            self.found.problem(node, "only SELECT, UNION, VALUES and the like are read here")
            return _NO_FIELDS
        finally:
            if with_ is not None:
                self.common_tables.pop()

    def set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Relation:
        left, right = self.query(node.this, outer), self.query(node.expression, outer)
        if not (left.is_complete and right.is_complete):
            return left
        if len(left.fields) != len(right.fields):
            message = f"one side of {_verb(node)} gives {len(left.fields)} columns, the other {len(right.fields)}"
            self.found.problem(node.expression, message)
            return Relation(left.fields, is_complete=False)
        return Relation(tuple(self.united(node, a, b) for a, b in zip(left.fields, right.fields, strict=True)))

    def united(self, node: exp.SetOperation, left: Field, right: Field) -> Field:
        kind = self.expressions.common(node, [left.type, right.type])
        if isinstance(kind, Unknown) and kind.cause is node:
            message = f"{_verb(node)} has {left.type} on one side and {right.type} on the other as «{left.name}»"
            self.found.problem(right.node or node, message, "CAST one to the other's type.")
            kind = Unknown()
        # Rows of INTERSECT and EXCEPT are rows of the left side.
        made_of = united((left.made_of, right.made_of)) if isinstance(node, exp.Union) else left.made_of
        return Field(left.name, kind, left.origin if left.origin == right.origin else None, left.node, made_of)

    def values(self, node: exp.Values, outer: Scope | None) -> Relation:
        scope = Scope(outer)
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
        columns = zip(*rows, strict=False)
        fields = (
            Field(
                f"EXPR${index}",
                self.expressions.common(cells[0], [self.expressions.type(cell, scope) for cell in cells]),
                made_of=united(map(self.expressions.made_of, cells)),
            )
            for index, cells in enumerate(columns)
        )
        return _renamed(Relation(tuple(fields)), _column_aliases(node))

    def select(self, node: exp.Select, outer: Scope | None) -> Relation:
        scope = Scope(outer)
        from_ = node.args.get("from_")
        if from_ is not None:
            self.add_source(scope, from_.this)
        for join in node.args.get("joins") or ():
            self.join(scope, join)
        for lateral in node.args.get("laterals") or ():
            self.add_source(scope, lateral)
        if not node.expressions:
            self.found.problem(node, "this SELECT gives no column")
        for clause in ("where", "group", "having", "qualify"):
            if node.args.get(clause) is not None:
                self.expressions.children(node.args[clause], scope)
        for window in node.args.get("windows") or ():
            self.expressions.children(window, scope)
        fields = [field for projection in node.expressions for field in self.projected(projection, scope)]
        self.order(node, scope, fields)
        return Relation(tuple(fields), is_complete=scope.is_complete or not node.is_star)

    def order(self, node: exp.Select, scope: Scope, fields: list[Field]) -> None:
        """ORDER BY sees the names that the SELECT gives as well."""
        if node.args.get("order") is not None:
            named = Scope(scope, [Binding((), Relation(tuple(field for field in fields if field.name)))])
            self.expressions.children(node.args["order"], named)

    def projected(self, node: exp.Expr, scope: Scope) -> list[Field]:
        """The columns that one item of a SELECT list gives; a star gives many."""
        if isinstance(node, exp.Star):
            return [replace(field, node=node) for field in scope.all_fields()]
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            return self.star_of(node, scope)
        inner = node.this if isinstance(node, exp.Alias) else node
        name = node.alias if isinstance(node, exp.Alias) else _own_name(inner)
        place = node.args["alias"] if isinstance(node, exp.Alias) else node
        if isinstance(inner, exp.Column) and isinstance(inner.this, exp.Identifier):
            found = self.expressions.field(inner, scope)
            return [Field(name, found.type, found.origin, place, found.made_of)]
        kind = self.expressions.type(inner, scope)
        return [Field(name, kind, None, place, self.expressions.made_of(inner))]

    def star_of(self, node: exp.Column, scope: Scope) -> list[Field]:
        parts = [part.name for part in node.parts[:-1]]
        binding = scope.binding(parts)
        if binding is None:
            name = ".".join(parts)
            self.found.problem(node, f"«{name}» is no table of this query", closest(name, scope.qualifier_names()))
            return []
        return [replace(field, node=node) for field in binding.relation.fields]

    def join(self, scope: Scope, node: exp.Join) -> None:
        if str(node.args.get("method") or "").upper() == "NATURAL":
            self.found.problem(
                node.this, "a NATURAL JOIN changes its meaning when a column is added", "Write JOIN … ON."
            )
        self.add_source(scope, node.this)
        for name in node.args.get("using") or ():
            self.using(scope, name, str(node.args.get("side") or "").upper())
        if node.args.get("on") is not None:
            self.expressions.type(node.args["on"], scope)

    def using(self, scope: Scope, node: exp.Expr, side: str) -> None:
        """One column for two of a name: the left one, the right one in a RIGHT JOIN, whichever is there in a FULL."""
        name = node.name
        left = [field for binding in scope.bindings[:-1] for field in binding.relation.named(name)]
        right = scope.bindings[-1].relation if scope.bindings else _NO_FIELDS
        if scope.is_complete and (not left or not right.named(name)):
            self.found.problem(
                node, f"«{name}» of USING is not a column of both sides", closest(name, scope.column_names())
            )
        one, other = scope.merged.get(name, _of(left)), _of(right.named(name))
        scope.merged[name] = other if side == "RIGHT" else united((one, other)) if side == "FULL" else one

    def add_source(self, scope: Scope, node: exp.Expr) -> None:
        """Bring a table, a sub-query, a window or the like into the scope, under its alias."""
        qualifiers, relation = self.source(scope, node)
        alias = node.args.get("alias")
        if alias is not None:
            relation = _renamed(relation, [column.name for column in alias.args.get("columns") or ()])
        if node.alias:
            qualifiers = ((node.alias,),)
        scope.bindings.append(Binding(qualifiers, relation))
        for join in node.args.get("joins") or ():
            self.join(scope, join)

    def source(self, scope: Scope, node: exp.Expr) -> tuple[tuple[tuple[str, ...], ...], Relation]:
        if isinstance(node, exp.Table):
            if node.args.get("version") is not None:
                self.expressions.children(node.args["version"], scope)
            return self.table(node)
        if isinstance(node, WindowTable):
            return (), self.window_table(scope, node)
        if isinstance(node, Matched):
            place = self.found.position(node.meta["start"])
            self.found.add(place, "MATCH_RECOGNIZE is refused: the columns it gives are not worked out")
            return (), _NO_FIELDS
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            inner = Scope(scope.parent)
            self.add_source(inner, node.this)
            return (), Relation(tuple(inner.all_fields()), inner.is_complete)
        if isinstance(node, exp.Unnest):
            return (), self.unnest(scope, node)
        if isinstance(node, exp.Lateral):
            if isinstance(node.this, exp.Subquery):
                return (), self.query(node.this, scope)
            self.found.problem(
                node, "the columns of a table function are not worked out", "Use UNNEST, or a sub-query."
            )
            return (), _NO_FIELDS
        return (), self.query(node, scope.parent)

    def table(self, node: exp.Table) -> tuple[tuple[tuple[str, ...], ...], Relation]:
        parts = tuple(part.name for part in node.parts)
        if len(parts) == 1:
            for level in reversed(self.common_tables):
                if parts[0] in level:
                    return (parts,), level[parts[0]]
        qualifiers = tuple(parts[index:] for index in range(len(parts)))
        if ".".join(parts) in _CALENDARS:
            return qualifiers, self.calendar(node, ".".join(parts))
        return qualifiers, self.declared(node, parts)

    def calendar(self, node: exp.Table, name: str) -> Relation:
        self.calendars[name] = None
        if not self.may_read_calendar:
            message = f"{name} is there for reports only"
            self.found.problem(node, message, "A stream keeps instants; make local days in an rpt table.")
        return _CALENDARS[name]

    def declared(self, node: exp.Table, parts: tuple[str, ...]) -> Relation:
        text = ".".join(parts)
        try:
            name = TableName(Layer(parts[0]), parts[1]) if len(parts) == 2 else None
        except ValueError:
            name = None
        if name is None or name not in self.schema:
            names = [str(known) for known in self.schema]
            same = [known for known in names if known.partition(".")[2] == parts[-1]]
            advice = f"Did you mean {same[0]}?" if same else closest(text, names)
            self.found.problem(node, f"there is no table {text}", advice)
            return _NO_FIELDS
        self.reads[name] = None
        columns = self.schema[name]
        if columns is None:
            return _NO_FIELDS
        return Relation(tuple(_declared(name, column) for column in columns))

    def window_table(self, scope: Scope, node: WindowTable) -> Relation:
        inner = Scope(scope.parent)
        self.add_source(inner, node.source)
        for column in node.args.get("partition_by") or ():
            self.expressions.type(column, inner)
        if node.args.get("offset"):
            message = f"{node.name} with an offset is refused: in streaming Flink 2.0 loses rows with it"
            self.found.problem(node, message)
        time_column = self.expressions.field(node.time_column, inner)
        kind = time_column.type
        if isinstance(kind, SqlType) and not _can_be_event_time(kind):
            message = f"{node.name} goes by «{time_column.name}», which is {kind}"
            self.found.problem(node.time_column, message, "A window needs a TIMESTAMP_LTZ(3) or TIMESTAMP(3) column.")
        if time_column.origin:
            self.time_columns[time_column.origin] = None
        else:
            # Of a union: Flink takes it for a time attribute only when it is one in every branch.
            self.time_columns |= dict.fromkeys(sorted(time_column.made_of or ()))
        fields = tuple(field for field in inner.all_fields() if field.name not in WINDOW_COLUMNS)
        local = SqlType("TIMESTAMP", (3,))
        window = zip(WINDOW_COLUMNS, (local, local, kind), strict=True)
        bounds = (Field(name, of, made_of=time_column.made_of) for name, of in window)
        return Relation((*fields, *bounds), inner.is_complete)

    def unnest(self, scope: Scope, node: exp.Unnest) -> Relation:
        kinds: list[Typed] = [self.expressions.type(expression, scope) for expression in node.expressions]
        kind = kinds[0] if kinds else Unknown()
        if isinstance(kind, Unknown):
            return _NO_FIELDS
        if kind.root not in ("ARRAY", "MAP", "MULTISET"):
            self.found.problem(node, f"UNNEST takes an ARRAY, MAP or MULTISET, not {kind}")
            return _NO_FIELDS
        elements: Iterable[tuple[str, SqlType]] = (
            (f"f{index}", element) for index, element in enumerate(kind.elements)
        )
        if kind.root != "MAP" and kind.elements[0].root == "ROW":
            elements = zip(kind.elements[0].names, kind.elements[0].elements, strict=True)
        made_of = united(map(self.expressions.made_of, node.expressions))
        fields = [Field(name, element, made_of=made_of) for name, element in elements]
        if node.args.get("offset"):
            fields.append(Field("ORDINALITY", SqlType("INT"), made_of=made_of))
        return Relation(tuple(fields))


def _declared(table: TableName, column: Column) -> Field:
    origin = (table, column.name)
    return Field(column.name, column.type, origin, made_of=frozenset({origin}))


def _of(columns: Iterable[Field]) -> Origins:
    return united(column.made_of for column in columns)


def _can_be_event_time(kind: SqlType) -> bool:
    return kind.root in ("TIMESTAMP", "TIMESTAMP_LTZ") and kind.precision <= 3


def _verb(node: exp.SetOperation) -> str:
    return type(node).__name__.upper() + (
        " ALL" if isinstance(node, exp.Union) and not node.args.get("distinct") else ""
    )


def _own_name(node: exp.Expr) -> str:
    """The name that an item of a SELECT list has without AS: that of the column or field."""
    if isinstance(node, exp.Column):
        return node.name
    return node.expression.name if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier) else ""


def _column_aliases(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [column.name for column in alias.args.get("columns") or ()] if alias is not None else []


def _renamed(relation: Relation, names: list[str]) -> Relation:
    if not names:
        return relation
    fields = (
        replace(field, name=names[index]) if index < len(names) else field
        for index, field in enumerate(relation.fields)
    )
    return Relation(tuple(fields), relation.is_complete)
