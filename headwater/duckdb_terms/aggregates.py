"""Aggregates and rankings."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    BIGINT,
    DOUBLE,
    INTEGERS,
    Refused,
    Surroundings,
    Typed,
    arguments,
    condition,
    duckdb_type,
)
from headwater.sqltype import SqlType


def _count(node: exp.Expr, around: Surroundings) -> Typed:
    if isinstance(arguments(node, 1)[0], exp.Star):
        return Typed("COUNT(*)", BIGINT)
    distinct, argument = _argument(node, around)
    return Typed(f"COUNT({distinct}{argument.sql})", BIGINT)


def _argument(node: exp.Expr, around: Surroundings) -> tuple[str, Typed]:
    (given,) = arguments(node, 1)
    if not isinstance(given, exp.Distinct):
        return "", around.expression(given)
    if len(given.expressions) != 1:
        raise Refused(node, "DISTINCT takes one argument here")
    return "DISTINCT ", around.expression(given.expressions[0])


def _summed(node: exp.Expr, around: Surroundings) -> Typed:
    distinct, argument = _argument(node, around)
    match argument.type.root:
        case root if root in INTEGERS:
            # Flink's sum has the argument's type and wraps; this one fails instead.
            return Typed(f"CAST(SUM({distinct}{argument.sql}) AS {duckdb_type(node, argument.type)})", argument.type)
        case "DECIMAL":
            return Typed(f"SUM({distinct}{argument.sql})", SqlType("DECIMAL", (38, argument.type.scale)))
        case "DOUBLE":
            return Typed(f"SUM({distinct}{argument.sql})", DOUBLE)
    raise Refused(node, f"SUM of {argument.type}")


def _averaged(node: exp.Expr, around: Surroundings) -> Typed:
    distinct, argument = _argument(node, around)
    if argument.type == DOUBLE:
        return Typed(f"AVG({distinct}{argument.sql})", DOUBLE)
    if argument.type.root in INTEGERS:
        # Flink's average of integers is an integer, cut toward zero.
        sums, counts = f"SUM({distinct}{argument.sql})", f"NULLIF(COUNT({distinct}{argument.sql}), 0)"
        return Typed(f"CAST({sums} // {counts} AS {duckdb_type(node, argument.type)})", argument.type)
    raise Refused(node, f"AVG of {argument.type}: DuckDB gives a double; AVG(CAST(… AS DOUBLE)) is the same in both")


def _least_or_greatest(word: str) -> Callable[[exp.Expr, Surroundings], Typed]:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        _, argument = _argument(node, around)
        return Typed(f"{word}({argument.sql})", argument.type)

    return rule


def _filtered(node: exp.Filter, around: Surroundings) -> Typed:
    test = condition(node.expression.this, around)
    aggregate = around.expression(node.this)
    # The text of an aggregate is AGG(x), CAST(AGG(x) AS …) or, for AVG of integers, a quotient of two.
    if node.this.name.upper() == "AVG" and aggregate.type != DOUBLE:
        raise Refused(node, "FILTER on AVG of integers; AVG(CASE WHEN … END) is the same")
    text = aggregate.sql
    if text.startswith("CAST(SUM("):
        inner, _, rest = text.removeprefix("CAST(").rpartition(" AS ")
        return Typed(f"CAST({inner} FILTER (WHERE {test}) AS {rest}", aggregate.type)
    return Typed(f"{text} FILTER (WHERE {test})", aggregate.type)


def _ranked(node: exp.Window, around: Surroundings) -> Typed:
    """ROW_NUMBER, RANK and DENSE_RANK; Flink sorts NULL as the smallest value."""
    word = f"{node.this.name.upper()}()"
    if (
        word not in ("ROW_NUMBER()", "RANK()", "DENSE_RANK()")
        or node.this.expressions
        or node.args.get("spec")
        or node.args.get("alias")
    ):
        raise Refused(node, "over a window, ROW_NUMBER, RANK and DENSE_RANK are known, without a frame")
    keys = ", ".join(around.expression(key).sql for key in node.args.get("partition_by") or ())
    order = node.args.get("order")
    sorts = []
    for item in order.expressions if order else ():
        down = bool(item.args.get("desc"))
        sorts.append(f"{around.expression(item.this).sql} {'DESC NULLS LAST' if down else 'ASC NULLS FIRST'}")
    if not sorts:
        raise Refused(node, f"{word} without ORDER BY gives any row")
    partition = f"PARTITION BY {keys} " if keys else ""
    return Typed(f"{word} OVER ({partition}ORDER BY {', '.join(sorts)})", BIGINT)


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    "COUNT": _count,
    "SUM": _summed,
    "AVG": _averaged,
    "MIN": _least_or_greatest("MIN"),
    "MAX": _least_or_greatest("MAX"),
    exp.Filter: _filtered,
    exp.Window: _ranked,
}
