"""Functions of numbers. Doubles may differ in their last digits."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    DOUBLE,
    FLOATS,
    INTEGERS,
    STRING,
    TEXTS,
    TIMES,
    Refused,
    Rule,
    Surroundings,
    Typed,
    arguments,
    as_number,
    is_number,
    whole,
)
from headwater.sqltype import SqlType


def _double(text: str, count: int = 1) -> Rule:
    """A function of doubles; `text` has {0}, {1} for its arguments."""

    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = arguments(node, count)
        parts = [as_number(part, around.expression(part)) for part in given]
        return Typed(text.format(*parts), DOUBLE)

    return rule


def _logarithm(node: exp.Expr, around: Surroundings) -> Typed:
    """LOG(x) is the natural one in Flink, and that to base ten in DuckDB."""
    parts = [as_number(part, around.expression(part)) for part in arguments(node, 1, 2)]
    return Typed(f"LN({parts[0]})" if len(parts) == 1 else f"(LN({parts[1]}) / LN({parts[0]}))", DOUBLE)


def _absolute(node: exp.Expr, around: Surroundings) -> Typed:
    given = around.expression(arguments(node, 1)[0])
    if not is_number(given.type):
        raise Refused(node, f"ABS of {given.type}")
    return Typed(f"ABS({given.sql})", given.type)


def _sign(node: exp.Expr, around: Surroundings) -> Typed:
    given = around.expression(arguments(node, 1)[0])
    if given.type.root not in (*INTEGERS, "DOUBLE"):
        raise Refused(node, f"SIGN of {given.type}")
    name = {"INT": "INTEGER"}.get(given.type.root, given.type.root)
    return Typed(f"CAST(SIGN({given.sql}) AS {name})", given.type)


def _whole_number(word: str) -> Rule:
    """FLOOR and CEIL of a number; those of a time are with the times."""

    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = around.expression(node.this)
        if node.args.get("to") or given.type.root in TIMES:
            return around.rules[f"{word} TO"](node, around)
        if given.type.root in INTEGERS:
            return given
        if given.type.root not in ("DECIMAL", *FLOATS):
            raise Refused(node, f"{word} of {given.type}")
        kind = SqlType("DECIMAL", (given.type.precision, 0)) if given.type.root == "DECIMAL" else given.type
        return Typed(f"{word}({given.sql})", kind)

    return rule


def _rounded(node: exp.Expr, around: Surroundings) -> Typed:
    given = arguments(node, 1, 2)
    value = around.expression(given[0])
    digits = whole(given[1], 0, "the number of digits of ROUND") if len(given) > 1 else 0
    if value.type.root in INTEGERS:
        return value
    if value.type.root != "DECIMAL":
        raise Refused(node, "ROUND takes a DECIMAL here: the engines round doubles differently")
    scale = min(digits, value.type.scale)
    # Flink: LogicalTypeMerging.findRoundDecimalType.
    if scale == value.type.scale:
        return value
    kind = SqlType("DECIMAL", (1 + value.type.precision - value.type.scale + scale, scale))
    return Typed(f"ROUND({value.sql}, {scale})", kind)


def _in_base(word: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = around.expression(arguments(node, 1)[0])
        if given.type.root in TEXTS and word == "HEX":
            return Typed(f"HEX({given.sql})", STRING)
        if given.type.root not in INTEGERS:
            raise Refused(node, f"{word} of {given.type}")
        return Typed(f"{word}(CAST({given.sql} AS BIGINT))", STRING)

    return rule


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    "ABS": _absolute,
    "SIGN": _sign,
    "ROUND": _rounded,
    exp.Floor: _whole_number("FLOOR"),
    exp.Ceil: _whole_number("CEIL"),
    "POWER": _double("POWER({0}, {1})", 2),
    "SQRT": _double("SQRT({0})"),
    "EXP": _double("EXP({0})"),
    "LN": _double("LN({0})"),
    "LOG": _logarithm,
    "LOG10": _double("LOG10({0})"),
    "LOG2": _double("LOG2({0})"),
    "SIN": _double("SIN({0})"),
    "COS": _double("COS({0})"),
    "TAN": _double("TAN({0})"),
    "COT": _double("COT({0})"),
    "ASIN": _double("ASIN({0})"),
    "ACOS": _double("ACOS({0})"),
    "ATAN": _double("ATAN({0})"),
    "ATAN2": _double("ATAN2({0}, {1})", 2),
    "SINH": _double("SINH({0})"),
    "COSH": _double("COSH({0})"),
    "TANH": _double("TANH({0})"),
    "DEGREES": _double("DEGREES({0})"),
    "RADIANS": _double("RADIANS({0})"),
    "PI": _double("PI()", 0),
    "E": _double("EXP(1)", 0),
    "BIN": _in_base("BIN"),
    "HEX": _in_base("HEX"),
}
