"""Literals, logic, comparisons, CASE and arithmetic."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater import coercion
from headwater.duckdb_terms.typed import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    FLOATS,
    INT,
    INTEGERS,
    Refused,
    Rule,
    Surroundings,
    Typed,
    arguments,
    as_text,
    as_type,
    common_type,
    comparable,
    condition,
    duckdb_type,
    is_number,
)
from headwater.duckdb_text import texted
from headwater.sqltype import NULL, SqlType

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
}


def _column(node: exp.Column, around: Surroundings) -> Typed:
    return around.column(node)


def _literal(node: exp.Literal, around: Surroundings) -> Typed:
    text = node.name
    if node.is_string:
        return Typed(texted(text), SqlType("CHAR", (len(text),)))
    if text.isdigit():
        if len(text) > 18:
            raise Refused(node, "a whole number of more than 18 digits")
        return Typed(text, INT if int(text) < 2**31 else BIGINT)
    whole, point, fraction = text.partition(".")
    if point and (whole + fraction).isdigit():
        kind = SqlType("DECIMAL", (max(1, len(whole) + len(fraction)), len(fraction)))
        return Typed(f"CAST('{text}' AS {duckdb_type(node, kind)})", kind)
    return Typed(f"CAST('{text}' AS DOUBLE)", DOUBLE)


def _null(node: exp.Null, around: Surroundings) -> Typed:
    return Typed("NULL", NULL)


def _boolean(node: exp.Boolean, around: Surroundings) -> Typed:
    return Typed("TRUE" if node.this else "FALSE", BOOLEAN)


def _paren(node: exp.Paren, around: Surroundings) -> Typed:
    inner = around.expression(node.this)
    return Typed(f"({inner.sql})", inner.type)


def _logic(word: str) -> Callable[[exp.Expr, Surroundings], Typed]:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        sides = [condition(side, around) for side in (node.this, node.expression)]
        return Typed(f"({sides[0]} {word} {sides[1]})", BOOLEAN)

    return rule


def _not(node: exp.Not, around: Surroundings) -> Typed:
    return Typed(f"(NOT {condition(node.this, around)})", BOOLEAN)


def _comparison(node: exp.Expr, around: Surroundings) -> Typed:
    left, right = around.expression(node.this), around.expression(node.expression)
    comparable(node, (left.type, right.type))
    return Typed(f"({left.sql} {_COMPARISONS[type(node)]} {right.sql})", BOOLEAN)


def _between(node: exp.Between, around: Surroundings) -> Typed:
    value, low, high = around.all((node.this, node.args["low"], node.args["high"]))
    comparable(node, (value.type, low.type, high.type))
    text = f"({value.sql} BETWEEN {low.sql} AND {high.sql})"
    if node.args.get("symmetric"):
        text = f"({text} OR ({value.sql} BETWEEN {high.sql} AND {low.sql}))"
    return Typed(text, BOOLEAN)


def _in(node: exp.In, around: Surroundings) -> Typed:
    left = around.expression(node.this)
    if query := node.args.get("query"):
        text, types = around.subquery(query.unnest())
        comparable(node, (left.type, types[0]))
        return Typed(f"({left.sql} IN ({text}))", BOOLEAN)
    items = around.all(node.expressions)
    comparable(node, [left.type, *(item.type for item in items)])
    return Typed(f"({left.sql} IN ({', '.join(item.sql for item in items)}))", BOOLEAN)


def _exists(node: exp.Exists, around: Surroundings) -> Typed:
    return Typed(f"EXISTS ({around.subquery(node.this.unnest())[0]})", BOOLEAN)


def _single_value(node: exp.Subquery, around: Surroundings) -> Typed:
    """(SELECT MAX(x) FROM t): one value, for a query that gives one row whatever it reads."""
    query = node.unnest()
    aggregates = isinstance(query, exp.Select) and all(
        any(call.name.upper() in _AGGREGATES for call in item.find_all(exp.Anonymous)) for item in query.expressions
    )
    if not aggregates or query.args.get("group") or query.args.get("having"):
        raise Refused(node, "a sub-query as a value is an aggregate without GROUP BY here: else it may give many rows")
    text, types = around.subquery(query)
    if len(types) != 1:
        raise Refused(node, f"a sub-query as a value gives one column, not {len(types)}")
    return Typed(f"({text})", types[0])


def _is(node: exp.Is, around: Surroundings) -> Typed:
    tested = around.expression(node.this)
    wanted = node.expression
    if isinstance(wanted, exp.JSON):
        return _is_json(node, tested, wanted)
    if not isinstance(wanted, exp.Null | exp.Boolean):
        raise Refused(node, "IS takes NULL, TRUE, FALSE or JSON here")
    return Typed(f"({tested.sql} IS {around.expression(wanted).sql})", BOOLEAN)


def _is_json(node: exp.Is, tested: Typed, wanted: exp.JSON) -> Typed:
    if wanted.args.get("with_") or wanted.args.get("unique"):
        raise Refused(node, "IS JSON WITH UNIQUE KEYS")
    kinds = {"OBJECT": "= 'OBJECT'", "ARRAY": "= 'ARRAY'", "SCALAR": "NOT IN ('OBJECT', 'ARRAY')"}
    text, kind = as_text(node, tested), wanted.text("this").upper()
    if kind in ("", "VALUE"):
        return Typed(f"COALESCE(json_valid({text}), FALSE)", BOOLEAN)
    if kind not in kinds:
        raise Refused(node, f"IS JSON {kind}")
    test = f"json_type({text}) {kinds[kind]}"
    return Typed(f"COALESCE(CASE WHEN json_valid({text}) THEN {test} ELSE FALSE END, FALSE)", BOOLEAN)


def _like(node: exp.Expr, around: Surroundings) -> Typed:
    escape = node.expression.name if isinstance(node, exp.Escape) else ""
    like = node.this if isinstance(node, exp.Escape) else node
    if not isinstance(like, exp.Like):
        raise Refused(node, f"{like.key.upper()} with ESCAPE")
    text, pattern = around.expression(like.this), around.expression(like.expression)
    if not (isinstance(like.expression, exp.Literal) and "\\" not in like.expression.name) or len(escape) > 1:
        raise Refused(node, "LIKE takes a literal pattern without a backslash: the engines escape differently")
    if escape and any(part[:1] not in ("%", "_") for part in like.expression.name.split(escape)[1:]):
        raise Refused(node, f"LIKE with {escape} before something other than % or _")
    found = f"({as_text(node, text)} LIKE {pattern.sql}{f' ESCAPE {texted(escape)}' if escape else ''})"
    return Typed(f"(NOT {found})" if escape and like.args.get("negate") else found, BOOLEAN)


def _case(node: exp.Case, around: Surroundings) -> Typed:
    subject = around.expression(node.this) if node.this else None
    tests: list[str] = []
    values: list[Typed] = []
    for branch in node.args["ifs"]:
        if subject is None:
            tests.append(condition(branch.this, around))
        else:
            test = around.expression(branch.this)
            comparable(branch, (subject.type, test.type))
            tests.append(f"{subject.sql} = {test.sql}")
        values.append(around.expression(branch.args["true"]))
    default = node.args.get("default")
    if default is not None:
        values.append(around.expression(default))
    kind = common_type([node] * len(values), [value.type for value in values])
    # Cast to the common type: DuckDB's own choice for mixed decimals and integers may be narrower.
    whens = " ".join(
        f"WHEN {test} THEN {as_type(node, value, kind)}" for test, value in zip(tests, values, strict=False)
    )
    otherwise = f" ELSE {as_type(node, values[-1], kind)}" if default is not None else ""
    return Typed(f"CASE {whens}{otherwise} END", kind)


def _if(node: exp.Expr, around: Surroundings) -> Typed:
    test, yes, no = arguments(node, 3)
    values = around.all((yes, no))
    kind = common_type((yes, no), [value.type for value in values])
    texts = [as_type(node, value, kind) for value in values]
    return Typed(f"CASE WHEN {condition(test, around)} THEN {texts[0]} ELSE {texts[1]} END", kind)


def _coalesce(node: exp.Expr, around: Surroundings) -> Typed:
    given = arguments(node, 1, 100)
    parts = around.all(given)
    kind = common_type(given, [part.type for part in parts])
    return Typed(f"COALESCE({', '.join(as_type(node, part, kind) for part in parts)})", kind)


def _nullif(node: exp.Expr, around: Surroundings) -> Typed:
    left, right = around.all(arguments(node, 2))
    comparable(node, (left.type, right.type))
    return Typed(f"NULLIF({left.sql}, {right.sql})", left.type)


def _extreme(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = arguments(node, 1, 100)
        parts = around.all(given)
        kind = comparable(node, [part.type for part in parts])
        # Flink gives NULL as soon as one argument is NULL; DuckDB leaves NULLs out.
        tests = " OR ".join(f"{part.sql} IS NULL" for part in parts)
        return Typed(f"CASE WHEN {tests} THEN NULL ELSE {word}({', '.join(part.sql for part in parts)}) END", kind)

    return rule


def _arithmetic(sign: str) -> Callable[[exp.Expr, Surroundings], Typed]:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        if sign in "+-" and isinstance(node.expression, exp.Interval):
            return around.rules["+ INTERVAL"](node, around)
        left, right = around.expression(node.this), around.expression(node.expression)
        if not all(is_number(side.type) or side.type == NULL for side in (left, right)):
            raise Refused(node, f"{left.type} {sign} {right.type} is not arithmetic on numbers")
        kind = coercion.arithmetic(sign, left.type, right.type)
        if kind is None:
            raise Refused(node, f"{left.type} {sign} {right.type}")
        if kind.root == "DECIMAL":
            return _decimals(node, sign, left, right, kind)
        # Flink widens to the larger operand first; so the text says it, and an overflow is an error, not a wrap.
        return Typed(f"({as_type(node, left, kind)} {sign} {as_type(node, right, kind)})", kind)

    return rule


def _decimals(node: exp.Expr, sign: str, left: Typed, right: Typed, kind: SqlType) -> Typed:
    digits = [_digits(side.type) for side in (left, right)]
    if sign == "*" and digits[0] + digits[1] > 38:
        raise Refused(node, "a product of more than 38 digits: Flink cuts its scale; CAST the factors to fewer digits")
    wide = left.sql
    if kind.precision > 18 and left.type != NULL:
        # Two decimals of up to 18 digits DuckDB computes in 18; one of more makes it take 38.
        digits = max(19, _digits(left.type))
        wide = f"CAST({left.sql} AS DECIMAL({digits}, {left.type.scale if left.type.root == 'DECIMAL' else 0}))"
    return Typed(f"({wide} {sign} {right.sql})", kind)


def _digits(kind: SqlType) -> int:
    return {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}.get(kind.root) or kind.precision


def _divided(node: exp.Div, around: Surroundings) -> Typed:
    left, right = around.expression(node.this), around.expression(node.expression)
    if left.type.root in INTEGERS and right.type.root in INTEGERS:
        # Both cut toward zero, and both fail on a zero divisor.
        return Typed(f"({left.sql} // {right.sql})", common_type((node, node), (left.type, right.type)))
    if is_number(left.type) and is_number(right.type) and {left.type.root, right.type.root} & set(FLOATS):
        return Typed(f"(CAST({left.sql} AS DOUBLE) / CAST({right.sql} AS DOUBLE))", DOUBLE)
    raise Refused(node, f"{left.type} / {right.type}: DuckDB divides decimals as doubles; CAST both sides to DOUBLE")


def _modulo(node: exp.Expr, around: Surroundings) -> Typed:
    sides = (node.this, node.expression) if isinstance(node, exp.Mod) else arguments(node, 2)
    left, right = around.all(sides)
    if left.type.root not in INTEGERS or right.type.root not in INTEGERS:
        raise Refused(node, "MOD takes integers here")
    # Both take the sign of the dividend, and both fail on a zero divisor.
    return Typed(f"({left.sql} % {right.sql})", right.type)


def _negated(node: exp.Neg, around: Surroundings) -> Typed:
    inner = around.expression(node.this)
    if not is_number(inner.type):
        raise Refused(node, f"minus {inner.type}")
    return Typed(f"(-{inner.sql})", inner.type)


_AGGREGATES = ("COUNT", "SUM", "AVG", "MIN", "MAX", "STDDEV_POP", "STDDEV_SAMP", "VAR_POP", "VAR_SAMP")

RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: _null,
    exp.Boolean: _boolean,
    exp.Paren: _paren,
    exp.And: _logic("AND"),
    exp.Or: _logic("OR"),
    exp.Not: _not,
    **dict.fromkeys(_COMPARISONS, _comparison),
    exp.Between: _between,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _single_value,
    exp.Is: _is,
    exp.Like: _like,
    exp.Escape: _like,
    exp.Case: _case,
    "IF": _if,
    "COALESCE": _coalesce,
    "IFNULL": _coalesce,
    "NULLIF": _nullif,
    "GREATEST": _extreme("GREATEST"),
    "LEAST": _extreme("LEAST"),
    exp.Add: _arithmetic("+"),
    exp.Sub: _arithmetic("-"),
    exp.Mul: _arithmetic("*"),
    exp.Div: _divided,
    exp.Mod: _modulo,
    "MOD": _modulo,
    exp.Neg: _negated,
}
