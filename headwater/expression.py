"""The type of an expression, and what every name in it means."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from headwater.coercion import arithmetic, common_type, joined_text
from headwater.diagnostics import Diagnostics, closest
from headwater.flinksql import JsonCall, MapLiteral, cast_type
from headwater.functions import RULES, UNIT_FIRST
from headwater.origins import Resolved
from headwater.scope import Binding, Field, Origins, Relation, Scope, Typed, Unknown
from headwater.sqltype import INTERVAL, NULL, SqlType

_BOOLEAN = SqlType("BOOLEAN")
_INT_MAX, _BIGINT_MAX = 2**31 - 1, 2**63 - 1


class Expressions:
    """Works out types; each name that does not resolve becomes a problem, once."""

    def __init__(self, found: Diagnostics, query: Callable[[exp.Expr, Scope | None], Relation]) -> None:
        """`query` tells what a query inside an expression gives."""
        self.found = found
        self.query = query
        self.resolved = Resolved()

    def type(self, node: exp.Expr | None, scope: Scope) -> Typed:
        """The type of an expression within a scope."""
        if node is None:
            return NULL
        rule = _RULES.get(type(node))
        if rule is None:
            rule = Expressions._boolean if isinstance(node, exp.Predicate) else Expressions._unknown
        return rule(self, node, scope)

    def children(self, node: exp.Expr, scope: Scope) -> None:
        """Resolve every name below a node, whatever its own type."""
        for child in node.iter_expressions():
            self.type(child, scope)

    def field(self, node: exp.Column, scope: Scope) -> Field:
        """What a column name means, with its origin when it is a declared column."""
        found = self.resolved.columns[id(node)] = self._field(node, scope)
        return found

    def made_of(self, node: exp.Expr) -> Origins:
        """The declared columns that the value of an expression, whose type has been asked for, is made of."""
        return self.resolved.made_of(node)

    def _field(self, node: exp.Column, scope: Scope) -> Field:
        parts = [part for part in node.parts if isinstance(part, exp.Identifier)]
        names = [part.name for part in parts]
        for length in range(len(names) - 1, 0, -1):
            binding = scope.binding(names[:length])
            if binding:
                return self._from_binding(binding, parts, length)
        found = scope.find(names[0])
        if len(found) > 1:
            self._ambiguous(parts[0], scope)
            return _unknown_field(names[-1])
        if found:
            return self._row_field(found[0], parts[1:])
        if scope.is_complete:
            self._not_found(parts, scope)
        return _unknown_field(names[-1])

    def _from_binding(self, binding: Binding, parts: list[exp.Identifier], length: int) -> Field:
        name = parts[length].name
        found = binding.relation.named(name)
        if len(found) == 1:
            return self._row_field(found[0], parts[length + 1 :])
        if len(found) > 1:
            self.found.problem(parts[length], f"«{name}» stands for more than one column here")
        elif binding.relation.is_complete:
            known = [column.name for column in binding.relation.fields]
            called = ".".join(part.name for part in parts[:length])
            self.found.problem(parts[length], f"{called} has no column «{name}»", closest(name, known))
        return _unknown_field(name)

    def _not_found(self, parts: list[exp.Identifier], scope: Scope) -> None:
        name = parts[0].name
        if len(parts) > 1:
            message = f"«{name}» is no table or row of this query"
            self.found.problem(parts[0], message, closest(name, scope.qualifier_names()))
        else:
            message = f"no table of this query has a column «{name}»"
            self.found.problem(parts[0], message, closest(name, scope.column_names()))

    def _ambiguous(self, part: exp.Identifier, scope: Scope) -> None:
        holders = next(
            found
            for level in scope.outward()
            if (found := [b.qualifiers[0] for b in level.bindings if b.qualifiers and b.relation.named(part.name)])
        )
        choices = [f"{'.'.join(qualifier)}.{part.name}" for qualifier in holders]
        self.found.problem(part, f"«{part.name}» may be {' or '.join(choices)}", "Write which one is meant.")

    def _row_field(self, column: Field, parts: list[exp.Identifier]) -> Field:
        for part in parts:
            kind = column.type
            if isinstance(kind, Unknown):
                return Field(part.name, kind, made_of=column.made_of)
            if kind.root != "ROW" or part.name not in kind.names:
                advice = closest(part.name, kind.names)
                self.found.problem(part, f"«{column.name}» is {kind} and has no field «{part.name}»", advice)
                return _unknown_field(part.name)
            column = Field(part.name, kind.elements[kind.names.index(part.name)], made_of=column.made_of)
        return column

    def _column(self, node: exp.Column, scope: Scope) -> Typed:
        return self.field(node, scope).type

    def _boolean(self, node: exp.Expr, scope: Scope) -> Typed:
        self.children(node, scope)
        return _BOOLEAN

    def _unknown(self, node: exp.Expr, scope: Scope) -> Typed:
        self.children(node, scope)
        return Unknown(node)

    def _inner(self, node: exp.Expr, scope: Scope) -> Typed:
        return self.type(node.this, scope)

    def _literal(self, node: exp.Literal, _: Scope) -> Typed:
        text = node.name
        if node.is_string:
            return SqlType("CHAR", (len(text),))
        if "e" in text.lower():
            return SqlType("DOUBLE")
        whole, point, fraction = text.partition(".")
        if point:
            return SqlType("DECIMAL", (len(whole) + len(fraction), len(fraction)))
        if int(text) <= _INT_MAX:
            return SqlType("INT")
        return SqlType("BIGINT") if int(text) <= _BIGINT_MAX else Unknown(node)

    def _cast(self, node: exp.Cast, scope: Scope) -> Typed:
        self.type(node.this, scope)
        named = cast_type(node)
        return named if named else _literal_cast(node)

    def _operation(self, node: exp.Binary, scope: Scope) -> Typed:
        left, right = self.type(node.this, scope), self.type(node.expression, scope)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return left if isinstance(left, Unknown) else right
        found = arithmetic(_OPERATORS[type(node)], left, right)
        if found is None:
            kinds = f"{left} {_OPERATORS[type(node)]} {right}"
            self.found.problem(node, f"Flink has no {kinds}", "CAST one side, so that both are of one kind.")
            return Unknown()
        return found

    def _joined(self, node: exp.DPipe, scope: Scope) -> Typed:
        left, right = self.type(node.this, scope), self.type(node.expression, scope)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return left if isinstance(left, Unknown) else right
        found = joined_text(left, right)
        if found is None:
            self.found.problem(node, f"Flink has no {left} || {right}", "CAST both sides to STRING.")
        return found or Unknown()

    def _case(self, node: exp.Case, scope: Scope) -> Typed:
        if node.this:
            self.type(node.this, scope)
        branches = []
        for branch in node.args["ifs"]:
            self.type(branch.this, scope)
            branches.append(branch.args["true"])
        if node.args.get("default"):
            branches.append(node.args["default"])
        return self.common(node, [self.type(branch, scope) for branch in branches])

    def common(self, node: exp.Expr, types: list[Typed]) -> Typed:
        """The type that several branches share."""
        known: list[SqlType] = []
        for kind in types:
            if isinstance(kind, Unknown):
                return kind
            known.append(kind)
        found = common_type(known)
        return Unknown(node) if found in (None, NULL) else found  # type: ignore[return-value]

    def _call(self, node: exp.Anonymous, scope: Scope) -> Typed:
        name = node.name.upper()
        arguments = [argument for argument in node.expressions if not isinstance(argument, exp.Star)]
        if name in UNIT_FIRST:
            arguments = arguments[1:]
        flat = [part for argument in arguments for part in _arguments(argument)]
        types = [self.type(argument, scope) for argument in flat]
        named = cast_type(node)
        if named:
            return named
        if name == "ROUND":
            return _rounded(flat, types) or Unknown(node)
        return self._by_rule(node, name, types)

    def _by_rule(self, node: exp.Expr, name: str, types: list[Typed]) -> Typed:
        rule = RULES.get(name)
        if rule is None:
            return Unknown(node)
        known = [kind for kind in types if isinstance(kind, SqlType)]
        if len(known) == len(types):
            return rule(known) or Unknown(node)
        # A rule that ignores its arguments gives the same for none.
        independent = rule(()) if name not in ("ROW",) else None
        return independent or next(kind for kind in types if isinstance(kind, Unknown))

    def _bracket(self, node: exp.Bracket, scope: Scope) -> Typed:
        for argument in node.expressions:
            self.type(argument, scope)
        kind = self.type(node.this, scope)
        if isinstance(kind, Unknown):
            return kind
        return kind.elements[-1] if kind.root in ("ARRAY", "MAP") else Unknown(node)

    def _map(self, node: MapLiteral, scope: Scope) -> Typed:
        return self._by_rule(node, "MAP", [self.type(argument, scope) for argument in node.expressions])

    def _array(self, node: exp.Array, scope: Scope) -> Typed:
        return self._by_rule(node, "ARRAY", [self.type(argument, scope) for argument in node.expressions])

    def _tuple(self, node: exp.Tuple, scope: Scope) -> Typed:
        return self._by_rule(node, "ROW", [self.type(argument, scope) for argument in node.expressions])

    def _window(self, node: exp.Window, scope: Scope) -> Typed:
        for part in (*node.args.get("partition_by", ()), node.args.get("order"), node.args.get("spec")):
            if part is not None:
                self.type(part, scope)
        return self.type(node.this, scope)

    def _filter(self, node: exp.Filter, scope: Scope) -> Typed:
        self.type(node.expression, scope)
        return self.type(node.this, scope)

    def _subquery(self, node: exp.Expr, scope: Scope) -> Typed:
        relation = self._relation(node, scope)
        return relation.fields[0].type if relation.fields else Unknown()

    def _relation(self, node: exp.Expr, scope: Scope) -> Relation:
        found = self.resolved.queries[id(node)] = self.query(node, scope)
        return found

    def _exists(self, node: exp.Exists, scope: Scope) -> Typed:
        self.query(node.this, scope)
        return _BOOLEAN

    def _in(self, node: exp.In, scope: Scope) -> Typed:
        self.type(node.this, scope)
        for option in node.expressions:
            self.type(option, scope)
        if node.args.get("query"):
            self._relation(node.args["query"], scope)
        return _BOOLEAN

    def _dot(self, node: exp.Dot, scope: Scope) -> Typed:
        kind = self.type(node.this, scope)
        if isinstance(kind, Unknown) or not isinstance(node.expression, exp.Identifier):
            return kind if isinstance(kind, Unknown) else Unknown(node)
        return self._row_field(Field("the row", kind), [node.expression]).type

    def _nothing(self, node: exp.Expr, scope: Scope) -> Typed:
        self.children(node, scope)
        return Unknown()


def _unknown_field(name: str) -> Field:
    return Field(name, Unknown(), made_of=None)


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    return list(node.expressions) if isinstance(node, exp.Distinct) else [node]


def _rounded(arguments: list[exp.Expr], types: list[Typed]) -> Typed | None:
    """ROUND of a DECIMAL depends on the digits asked for; Flink: LogicalTypeMerging.findRoundDecimalType."""
    kind = types[0] if types else None
    if not isinstance(kind, SqlType) or kind.root != "DECIMAL":
        return kind
    digits = 0
    if len(arguments) > 1:
        if not isinstance(arguments[1], exp.Literal) or not arguments[1].name.isdigit():
            return None
        digits = int(arguments[1].name)
    if digits >= kind.scale:
        return kind
    return SqlType("DECIMAL", (1 + kind.precision - kind.scale + digits, digits))


def _literal_cast(node: exp.Cast) -> Typed:
    """DATE '…', TIME '…' and TIMESTAMP '…', which sqlglot reads as casts."""
    _, _, fraction = node.this.name.partition(".")
    literals = {
        exp.DType.DATE: SqlType("DATE"),
        exp.DType.TIME: SqlType("TIME", (0,)),
        exp.DType.TIMESTAMP: SqlType("TIMESTAMP", (len(fraction),)),
        exp.DType.TIMESTAMPLTZ: SqlType("TIMESTAMP_LTZ", (len(fraction),)),
    }
    return literals.get(node.to.this, Unknown(node))


_OPERATORS: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def _by_name(name: str) -> Callable[[Expressions, Any, Scope], Typed]:
    def rule(self: Expressions, node: exp.Expr, scope: Scope) -> Typed:
        others = [
            child for child in node.iter_expressions() if child is not node.this and not isinstance(child, exp.Var)
        ]
        types = [self.type(node.this, scope)] if not isinstance(node.this, exp.Var) else []
        types += [self.type(child, scope) for child in others]
        return self._by_rule(node, name, types)

    return rule


_RULES: dict[type[exp.Expr], Callable[[Expressions, Any, Scope], Typed]] = {
    exp.Column: Expressions._column,
    exp.Literal: Expressions._literal,
    exp.Boolean: lambda *_: _BOOLEAN,
    exp.Null: lambda *_: NULL,
    exp.Interval: lambda *_: INTERVAL,
    exp.Alias: Expressions._inner,
    exp.Paren: Expressions._inner,
    exp.Neg: Expressions._inner,
    exp.IgnoreNulls: Expressions._inner,
    exp.RespectNulls: Expressions._inner,
    exp.WithinGroup: Expressions._inner,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.DPipe: Expressions._joined,
    exp.Case: Expressions._case,
    exp.Anonymous: Expressions._call,
    JsonCall: Expressions._call,
    MapLiteral: Expressions._map,
    exp.Bracket: Expressions._bracket,
    exp.Array: Expressions._array,
    exp.Tuple: Expressions._tuple,
    exp.Window: Expressions._window,
    exp.Filter: Expressions._filter,
    exp.Subquery: Expressions._subquery,
    exp.Select: Expressions._subquery,
    exp.Exists: Expressions._exists,
    exp.In: Expressions._in,
    exp.Dot: Expressions._dot,
    exp.Not: Expressions._boolean,
    exp.And: Expressions._boolean,
    exp.Or: Expressions._boolean,
    exp.Ordered: Expressions._nothing,
    exp.Order: Expressions._nothing,
    exp.Where: Expressions._nothing,
    exp.Having: Expressions._nothing,
    exp.WindowSpec: Expressions._nothing,
    exp.CurrentTimestamp: lambda *_: SqlType("TIMESTAMP_LTZ", (3,)),
    exp.CurrentDate: lambda *_: SqlType("DATE"),
    exp.Localtime: lambda *_: SqlType("TIME", (0,)),
    exp.Localtimestamp: lambda *_: SqlType("TIMESTAMP", (3,)),
    exp.CurrentTime: lambda *_: SqlType("TIME", (0,)),
    exp.Floor: _by_name("FLOOR"),
    exp.Ceil: _by_name("CEIL"),
    exp.Extract: _by_name("EXTRACT"),
    exp.Substring: _by_name("SUBSTRING"),
    exp.Trim: _by_name("TRIM"),
    exp.StrPosition: _by_name("POSITION"),
    exp.HexString: lambda self, node, _: Unknown(node),
    **dict.fromkeys(_OPERATORS, Expressions._operation),
}
