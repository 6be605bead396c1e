"""Casts, and functions of times, texts and numbers."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.dialect import cast_type
from headwater.duckdb_terms.typed import (
    BIGINT,
    DATE,
    FLOATS,
    INT,
    INTEGERS,
    SPANS,
    STRING,
    TEXTS,
    TIMES,
    Refused,
    Surroundings,
    Typed,
    arguments,
    as_text,
    duckdb_type,
    is_number,
)
from headwater.sqltype import SqlType


def _cast(node: exp.Cast, around: Surroundings) -> Typed:
    # A literal such as DATE '2026-11-22' is a cast that names its type in the tree only.
    kind = cast_type(node) or SqlType.parse(node.to.sql(dialect=None))
    if isinstance(node.this, exp.Literal) and node.this.is_string and kind.root in ("DATE", *TIMES):
        return _time_literal(node, kind)
    given = around.expression(node.this)
    name = duckdb_type(node, kind)
    plain = Typed(f"CAST({given.sql} AS {name})", kind)
    match given.type.root, kind.root:
        case source, target if source == "NULL" or (source == target and source not in TIMES and source != "DECIMAL"):
            return plain
        case source, "STRING" if source in (*INTEGERS, *TEXTS, "DATE", "DECIMAL"):
            return plain
        case source, target if source in (*INTEGERS, "DECIMAL") and target in ("DECIMAL", "FLOAT", "DOUBLE"):
            return plain
        case source, target if source in INTEGERS and target in INTEGERS:
            return plain
        case source, target if source in ("DECIMAL", *FLOATS) and target in INTEGERS:
            # Flink cuts the fraction off, DuckDB rounds.
            return Typed(f"CAST(TRUNC({given.sql}) AS {name})", kind)
        case "FLOAT", "DOUBLE":
            return plain
        case source, "DATE" if source in TIMES:
            return plain
        case source, target if source in ("DATE", *TIMES) and target in TIMES:
            return Typed(_cut(node, plain.sql, given.type, kind), kind)
    raise Refused(node, f"CAST({given.type} AS {kind}) is not known to give the same in both engines")


def _cut(node: exp.Expr, text: str, given: SqlType, kind: SqlType) -> str:
    """Flink cuts digits off a time; DuckDB's TIMESTAMP keeps six."""
    if given.root == "DATE" or given.precision <= kind.precision or kind.precision >= 6:
        return text
    units = {0: "second", 3: "millisecond"}
    if kind.precision not in units:
        raise Refused(node, "a time is cut to 0 or 3 digits here")
    return f"date_trunc('{units[kind.precision]}', {text})"


def _time_literal(node: exp.Cast, kind: SqlType) -> Typed:
    from datetime import date, datetime

    text = node.this.name
    try:
        if kind == DATE:
            date.fromisoformat(text)
            return Typed(f"DATE '{text}'", DATE)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(node, f"'{text}' is not an ISO date or time") from None
    if moment.tzinfo is not None or moment.microsecond % 1000 or "T" in text:
        raise Refused(
            node, f"'{text}': write a time as 'YYYY-MM-DD HH:MM:SS' with at most three digits after the second"
        )
    name = "TIMESTAMPTZ" if kind.root == "TIMESTAMP_LTZ" else "TIMESTAMP"
    return Typed(f"CAST('{moment.isoformat(' ', 'milliseconds')}' AS {name})", SqlType(kind.root, (3,)))


def _floor(node: exp.Floor, around: Surroundings) -> Typed:
    given = around.expression(node.this)
    unit = node.args["to"].name.upper() if node.args.get("to") else ""
    if not unit:
        if given.type.root in ("DECIMAL", *FLOATS):
            whole = SqlType("DECIMAL", (given.type.precision, 0)) if given.type.root == "DECIMAL" else given.type
            return Typed(f"FLOOR({given.sql})", whole)
        raise Refused(node, f"FLOOR of {given.type}")
    if unit not in SPANS or given.type.root not in TIMES:
        raise Refused(node, f"FLOOR({given.type} TO {unit}): a time TO SECOND, MINUTE, HOUR or DAY is known")
    return Typed(f"date_trunc('{unit.lower()}', {given.sql})", given.type)


def _extract(node: exp.Extract, around: Surroundings) -> Typed:
    # Before 1970 Flink rounds toward the epoch (1969-12-31 23:59:58.7 is in its year 1970); DuckDB does not.
    given, unit = around.expression(node.expression), node.name.upper()
    known = ("YEAR", "MONTH", "DAY") if given.type == DATE else ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
    if unit not in known or given.type.root not in ("DATE", *TIMES):
        raise Refused(node, f"EXTRACT({unit} FROM {given.type})")
    return Typed(f"EXTRACT({unit} FROM {given.sql})", BIGINT)


def _timestamp_diff(node: exp.Expr, around: Surroundings) -> Typed:
    """TIMESTAMPDIFF(unit, from, to): complete units, cut toward zero; DuckDB's date_diff counts boundaries crossed."""
    given = arguments(node, 3)
    unit = given[0].name.upper()
    start, end = (around.expression(side) for side in given[1:])
    if unit not in SPANS or start.type.root not in TIMES or end.type.root != start.type.root:
        raise Refused(node, f"TIMESTAMPDIFF({unit}, {start.type}, {end.type}): two times of one kind, SECOND to DAY")
    return Typed(f"CAST((epoch_us({end.sql}) - epoch_us({start.sql})) // {SPANS[unit]} AS INTEGER)", INT)


def _concatenated(node: exp.Expr, around: Surroundings) -> Typed:
    parts = (node.this, node.expression) if isinstance(node, exp.DPipe) else arguments(node, 1, 100)
    # Both engines' || gives NULL when a part is NULL, as Flink's CONCAT does; DuckDB's CONCAT leaves the part out.
    return Typed("(" + " || ".join(as_text(part, around.expression(part)) for part in parts) + ")", STRING)


def _substring(node: exp.Substring, around: Surroundings) -> Typed:
    start, length = node.args.get("start"), node.args.get("length")
    bounds = [bound for bound in (start, length) if bound is not None]
    if not all(isinstance(bound, exp.Literal) and bound.name.isdigit() for bound in bounds) or bounds[0].name == "0":
        raise Refused(node, "SUBSTRING takes literal bounds here, the first at least 1")
    text = as_text(node, around.expression(node.this))
    return Typed(f"SUBSTRING({', '.join([text, *(bound.name for bound in bounds)])})", STRING)


def _trim(node: exp.Trim, around: Surroundings) -> Typed:
    if any(node.args.get(part) for part in ("expression", "position", "collation")):
        raise Refused(node, "TRIM takes one argument here")
    return Typed(f"TRIM({as_text(node, around.expression(node.this))})", STRING)


def _length(node: exp.Expr, around: Surroundings) -> Typed:
    (given,) = arguments(node, 1)
    return Typed(f"CAST(LENGTH({as_text(given, around.expression(given))}) AS INTEGER)", INT)


def _absolute(node: exp.Expr, around: Surroundings) -> Typed:
    given = around.expression(arguments(node, 1)[0])
    if not is_number(given.type):
        raise Refused(node, f"ABS of {given.type}")
    return Typed(f"ABS({given.sql})", given.type)


def _rounded(node: exp.Expr, around: Surroundings) -> Typed:
    value, digits = arguments(node, 2)
    given = around.expression(value)
    if given.type.root != "DECIMAL" or not isinstance(digits, exp.Literal) or not digits.name.isdigit():
        raise Refused(node, "ROUND takes a DECIMAL and a literal here: the engines round doubles differently")
    scale = min(int(digits.name), given.type.scale)
    return Typed(f"ROUND({given.sql}, {scale})", SqlType("DECIMAL", (given.type.precision, scale)))


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    exp.Cast: _cast,
    exp.Floor: _floor,
    exp.Extract: _extract,
    exp.DPipe: _concatenated,
    exp.Substring: _substring,
    exp.Trim: _trim,
    "CONCAT": _concatenated,
    "CHAR_LENGTH": _length,
    "CHARACTER_LENGTH": _length,
    "ABS": _absolute,
    "ROUND": _rounded,
    "TIMESTAMPDIFF": _timestamp_diff,
}
