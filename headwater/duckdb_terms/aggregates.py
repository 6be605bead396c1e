"""Aggregates: over groups, with FILTER, and over windows of rows."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    BIGINT,
    DOUBLE,
    INTEGERS,
    NESTED,
    Refused,
    Surroundings,
    Typed,
    arguments,
    as_number,
    condition,
    duckdb_type,
)
from headwater.sqltype import SqlType

Aggregate = Callable[[exp.Expr, Surroundings, str], Typed]
"""An aggregate's translation; the text (FILTER, OVER) goes behind each aggregate call in it."""


def _argument(node: exp.Expr, around: Surroundings) -> tuple[str, Typed]:
    (given,) = arguments(node, 1)
    if not isinstance(given, exp.Distinct):
        return "", around.expression(given)
    if len(given.expressions) != 1:
        raise Refused(node, "DISTINCT takes one argument here")
    return "DISTINCT ", around.expression(given.expressions[0])


def _count(node: exp.Expr, around: Surroundings, suffix: str) -> Typed:
    if isinstance(arguments(node, 1)[0], exp.Star):
        return Typed(f"COUNT(*){suffix}", BIGINT)
    distinct, argument = _argument(node, around)
    return Typed(f"COUNT({distinct}{argument.sql}){suffix}", BIGINT)


def _sum(node: exp.Expr, around: Surroundings, suffix: str) -> Typed:
    distinct, argument = _argument(node, around)
    text = f"SUM({distinct}{argument.sql}){suffix}"
    match argument.type.root:
        case root if root in INTEGERS:
            # Flink's sum has the argument's type and wraps; this one fails instead.
            return Typed(f"CAST({text} AS {duckdb_type(node, argument.type)})", argument.type)
        case "DECIMAL":
            return Typed(text, SqlType("DECIMAL", (38, argument.type.scale)))
        case "DOUBLE":
            return Typed(text, DOUBLE)
    raise Refused(node, f"SUM of {argument.type}")


def _average(node: exp.Expr, around: Surroundings, suffix: str) -> Typed:
    distinct, argument = _argument(node, around)
    if argument.type == DOUBLE:
        return Typed(f"AVG({distinct}{argument.sql}){suffix}", DOUBLE)
    if argument.type.root in ("INT", "BIGINT"):
        # Flink's average of integers is an integer, cut toward zero.
        sums, counts = f"SUM({distinct}{argument.sql}){suffix}", f"NULLIF(COUNT({distinct}{argument.sql}){suffix}, 0)"
        return Typed(f"CAST({sums} // {counts} AS {duckdb_type(node, argument.type)})", argument.type)
    if argument.type.root in INTEGERS:
        raise Refused(node, f"AVG of {argument.type}: Flink's sum wraps; CAST the argument to BIGINT")
    raise Refused(node, f"AVG of {argument.type}: DuckDB gives a double; AVG(CAST(… AS DOUBLE)) is the same in both")


def _least_or_greatest(word: str) -> Aggregate:
    def rule(node: exp.Expr, around: Surroundings, suffix: str) -> Typed:
        distinct, argument = _argument(node, around)
        if argument.type.root in NESTED:
            raise Refused(node, f"{word} of {argument.type}")
        return Typed(f"{word}({distinct}{argument.sql}){suffix}", argument.type)

    return rule


def _spread(word: str) -> Aggregate:
    """Deviations and variances: of doubles, where the last digits may differ; of integers Flink makes integers."""

    def rule(node: exp.Expr, around: Surroundings, suffix: str) -> Typed:
        distinct, argument = _argument(node, around)
        if argument.type != DOUBLE:
            raise Refused(node, f"{word} of {argument.type}: CAST the argument to DOUBLE")
        return Typed(f"{word}({distinct}{as_number(node, argument)}){suffix}", DOUBLE)

    return rule


AGGREGATES: Mapping[str, Aggregate] = {
    "COUNT": _count,
    "SUM": _sum,
    "AVG": _average,
    "MIN": _least_or_greatest("MIN"),
    "MAX": _least_or_greatest("MAX"),
    "STDDEV_POP": _spread("STDDEV_POP"),
    "STDDEV_SAMP": _spread("STDDEV_SAMP"),
    "VAR_POP": _spread("VAR_POP"),
    "VAR_SAMP": _spread("VAR_SAMP"),
}


def aggregate(node: exp.Expr, around: Surroundings, suffix: str = "") -> Typed:
    """An aggregate call, with FILTER or without. Raises Refused for a function that is none."""
    if isinstance(node, exp.Filter):
        test = condition(node.expression.this, around)
        return aggregate(node.this, around, f" FILTER (WHERE {test}){suffix}")
    name = node.name.upper() if isinstance(node, exp.Anonymous) else node.key.upper()
    if name not in AGGREGATES:
        raise Refused(node, f"{name} is not an aggregate that is known to be the same in both engines")
    return AGGREGATES[name](node, around, suffix)


def _grouping(node: exp.Expr, around: Surroundings) -> Typed:
    columns = [part.sql for part in around.all(arguments(node, 1, 30))]
    return Typed(f"CAST(GROUPING({', '.join(columns)}) AS BIGINT)", BIGINT)


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    **dict.fromkeys(AGGREGATES, aggregate),
    exp.Filter: aggregate,
    "GROUPING": _grouping,
    "GROUPING_ID": _grouping,
}
