"""Literals, logic, comparisons, CASE and arithmetic."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOATS,
    INT,
    INTEGERS,
    SPANS,
    STRING,
    TIMES,
    Refused,
    Rule,
    Surroundings,
    Typed,
    arguments,
    as_decimal,
    as_text,
    as_type,
    common_type,
    condition,
    duckdb_type,
    is_number,
)
from headwater.sqltype import NULL, SqlType

_COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def _column(node: exp.Column, around: Surroundings) -> Typed:
    return around.column(node)


def _literal(node: exp.Literal, around: Surroundings) -> Typed:
    text = node.name
    if node.is_string:
        return Typed("'" + text.replace("'", "''") + "'", STRING)
    if text.isdigit():
        if len(text) > 18:
            raise Refused(node, "a whole number of more than 18 digits")
        return Typed(text, INT if int(text) < 2**31 else BIGINT)
    whole, point, fraction = text.partition(".")
    if point and (whole + fraction).isdigit():
        kind = SqlType("DECIMAL", (max(1, len(whole.lstrip("0")) + len(fraction)), len(fraction)))
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
    common_type((node, node), (left.type, right.type))
    return Typed(f"({left.sql} {_COMPARISONS[type(node)]} {right.sql})", BOOLEAN)


def _between(node: exp.Between, around: Surroundings) -> Typed:
    parts = [around.expression(part) for part in (node.this, node.args["low"], node.args["high"])]
    if node.args.get("symmetric"):
        raise Refused(node, "BETWEEN SYMMETRIC is not known")
    common_type([node] * 3, [part.type for part in parts])
    return Typed(f"({parts[0].sql} BETWEEN {parts[1].sql} AND {parts[2].sql})", BOOLEAN)


def _in(node: exp.In, around: Surroundings) -> Typed:
    left = around.expression(node.this)
    if query := node.args.get("query"):
        text, types = around.subquery(query.unnest())
        common_type((node, node), (left.type, types[0]))
        return Typed(f"({left.sql} IN ({text}))", BOOLEAN)
    items = [around.expression(item) for item in node.expressions]
    common_type([node] * (len(items) + 1), [left.type, *(item.type for item in items)])
    return Typed(f"({left.sql} IN ({', '.join(item.sql for item in items)}))", BOOLEAN)


def _exists(node: exp.Exists, around: Surroundings) -> Typed:
    return Typed(f"EXISTS ({around.subquery(node.this.unnest())[0]})", BOOLEAN)


def _is(node: exp.Is, around: Surroundings) -> Typed:
    tested = around.expression(node.this)
    wanted = node.expression
    if not isinstance(wanted, exp.Null | exp.Boolean):
        raise Refused(node, "IS takes NULL, TRUE or FALSE here")
    return Typed(f"({tested.sql} IS {around.expression(wanted).sql})", BOOLEAN)


def _like(node: exp.Like, around: Surroundings) -> Typed:
    text, pattern = around.expression(node.this), around.expression(node.expression)
    if not (isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name):
        raise Refused(node, "LIKE takes a literal pattern without a backslash: the engines escape differently")
    return Typed(f"({as_text(node, text)} LIKE {pattern.sql})", BOOLEAN)


def _case(node: exp.Case, around: Surroundings) -> Typed:
    subject = around.expression(node.this) if node.this else None
    branches = node.args["ifs"]
    tests, values = [], []
    for branch in branches:
        if subject is None:
            tests.append(condition(branch.this, around))
        else:
            test = around.expression(branch.this)
            common_type((branch, branch), (subject.type, test.type))
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
    values = [around.expression(yes), around.expression(no)]
    kind = common_type((yes, no), [value.type for value in values])
    texts = [as_type(node, value, kind) for value in values]
    return Typed(f"CASE WHEN {condition(test, around)} THEN {texts[0]} ELSE {texts[1]} END", kind)


def _coalesce(node: exp.Expr, around: Surroundings) -> Typed:
    given = arguments(node, 1, 100)
    parts = [around.expression(part) for part in given]
    kind = common_type(given, [part.type for part in parts])
    return Typed(f"COALESCE({', '.join(as_type(node, part, kind) for part in parts)})", kind)


def _nullif(node: exp.Expr, around: Surroundings) -> Typed:
    left, right = (around.expression(part) for part in arguments(node, 2))
    common_type((node, node), (left.type, right.type))
    return Typed(f"NULLIF({left.sql}, {right.sql})", left.type)


def _extreme(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = arguments(node, 1, 100)
        parts = [around.expression(part) for part in given]
        kind = common_type(given, [part.type for part in parts])
        # Flink gives NULL as soon as one argument is NULL; DuckDB leaves NULLs out.
        tests = " OR ".join(f"{part.sql} IS NULL" for part in parts)
        return Typed(f"CASE WHEN {tests} THEN NULL ELSE {word}({', '.join(part.sql for part in parts)}) END", kind)

    return rule


def _arithmetic(sign: str) -> Callable[[exp.Expr, Surroundings], Typed]:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        if sign in "+-" and isinstance(node.expression, exp.Interval):
            return _shifted(node, sign, around)
        left, right = around.expression(node.this), around.expression(node.expression)
        if not all(is_number(side.type) or side.type == NULL for side in (left, right)):
            raise Refused(node, f"{left.type} {sign} {right.type} is not arithmetic on numbers")
        kind = _product(node, left.type, right.type) if sign == "*" else _sum_type(left.type, right.type)
        # Flink widens to the larger operand first; so the text says it, and an overflow is an error, not a wrap.
        return Typed(f"({_number(node, left, kind)} {sign} {_number(node, right, kind)})", kind)

    return rule


def _number(node: exp.Expr, typed: Typed, kind: SqlType) -> str:
    return typed.sql if kind.root == "DECIMAL" else as_type(node, typed, kind)


def _sum_type(left: SqlType, right: SqlType) -> SqlType:
    kind = common_type((exp.Null(), exp.Null()), (left, right))
    if kind.root != "DECIMAL":
        return kind
    return SqlType("DECIMAL", (min(38, kind.precision + 1), kind.scale))


def _product(node: exp.Expr, left: SqlType, right: SqlType) -> SqlType:
    kind = common_type((node, node), (left, right))
    if kind.root != "DECIMAL":
        return kind
    one, other = as_decimal(left), as_decimal(right)
    precision, scale = one.precision + other.precision, one.scale + other.scale
    if precision > 38:
        raise Refused(node, "a product of more than 38 digits: Flink cuts its scale; CAST the factors to fewer digits")
    return SqlType("DECIMAL", (precision, scale))


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
    left, right = (around.expression(side) for side in sides)
    if left.type.root not in INTEGERS or right.type.root not in INTEGERS:
        raise Refused(node, "MOD takes integers here")
    # Both take the sign of the dividend, and both fail on a zero divisor.
    return Typed(f"({left.sql} % {right.sql})", right.type)


def _negated(node: exp.Neg, around: Surroundings) -> Typed:
    inner = around.expression(node.this)
    if not is_number(inner.type):
        raise Refused(node, f"minus {inner.type}")
    return Typed(f"(-{inner.sql})", inner.type)


def _shifted(node: exp.Expr, sign: str, around: Surroundings) -> Typed:
    """A time plus or minus an interval of days or less; the engines differ in what they make of months."""
    time, interval = around.expression(node.this), node.expression
    unit = interval.args["unit"].name.upper() if interval.args.get("unit") else ""
    amount = interval.this
    if unit not in SPANS or not isinstance(amount, exp.Literal) or not amount.name.isdigit():
        raise Refused(interval, "an interval is a whole number of seconds, minutes, hours or days here")
    shifted = f"({time.sql} {sign} INTERVAL '{amount.name}' {unit})"
    if time.type == DATE and unit == "DAY":
        # DuckDB makes a timestamp of it.
        return Typed(f"CAST({shifted} AS DATE)", DATE)
    if time.type.root not in TIMES:
        raise Refused(node, f"{time.type} {sign} INTERVAL {unit}")
    return Typed(shifted, time.type)


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
    exp.Is: _is,
    exp.Like: _like,
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
