"""Comparisons as scans want them: literals of exactly the column's type, or not pushed at all.

A comparison that is left out costs time only, because DuckDB evaluates the whole query over what the scan gives.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from headwater.batch import Comparison, Literal, Operator
from headwater.duckdb_text import quoted, texted
from headwater.sqltype import SqlType

_METHODS = {
    Operator.EQUAL: "equal",
    Operator.UNEQUAL: "notEqual",
    Operator.LESS: "lessThan",
    Operator.LESS_EQUAL: "lessOrEqual",
    Operator.GREATER: "greaterThan",
    Operator.GREATER_EQUAL: "greaterOrEqual",
    Operator.IN: "in",
    Operator.NULL: "isNull",
    Operator.NOT_NULL: "isNotNull",
}
_Kind = TypeVar("_Kind")
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}


def native_filter(where: Sequence[Comparison], types: Mapping[str, SqlType]) -> dict[str, Any] | None:
    """The native reader's filter for these comparisons, as far as they can be said exactly; None when none can."""
    children = [native for comparison in where if (native := _native(comparison, types)) is not None]
    if len(children) < 2:
        return children[0] if children else None
    return {"method": "and", "children": children}


def condition(where: Sequence[Comparison], types: Mapping[str, SqlType]) -> str:
    """The same comparisons as a condition in DuckDB's SQL; "" when none can be said exactly."""
    parts = []
    for comparison in where:
        native = _native(comparison, types)
        if native is None:
            continue
        column = quoted(comparison.column)
        literals = [_in_sql(value) for value in native["literals"]]
        match comparison.operator:
            case Operator.NULL | Operator.NOT_NULL:
                parts.append(f"{column} {comparison.operator.value}")
            case Operator.IN:
                parts.append(f"{column} IN ({', '.join(literals)})")
            case _:
                parts.append(f"{column} {comparison.operator.value} {literals[0]}")
    return " AND ".join(parts)


def _in_sql(value: Literal) -> str:
    match value:
        case bool():
            return str(value).upper()
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case datetime():
            kind = "TIMESTAMPTZ" if value.tzinfo else "TIMESTAMP"
            return f"{kind} '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            return texted(value)


def _native(comparison: Comparison, types: Mapping[str, SqlType]) -> dict[str, Any] | None:
    sql_type = types.get(comparison.column)
    # Floating point: the engines disagree on where NaN stands.
    if sql_type is None or (sql_type.root in ("FLOAT", "DOUBLE") and comparison.values):
        return None
    try:
        literals = [_literal(value, sql_type) for value in comparison.values]
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        return None
    if comparison.operator is Operator.IN and not literals:
        return None
    return {"method": _METHODS[comparison.operator], "field": comparison.column, "literals": literals}


def _literal(value: Literal, sql_type: SqlType) -> Literal:
    """The value as the column's type has it. Raises ValueError or TypeError when it has no exact equal there."""
    match sql_type.root:
        case "STRING" | "VARCHAR":
            return _exactly(value, str)
        case "BOOLEAN":
            return _exactly(value, bool)
        case "TINYINT" | "SMALLINT" | "INT" | "BIGINT":
            return _integer(value, _BITS[sql_type.root])
        case "DECIMAL":
            return _decimal(value, sql_type)
        case "DATE":
            return date.fromisoformat(value) if isinstance(value, str) else _exactly(value, date)
        case "TIMESTAMP_LTZ":
            instant = _timestamp(value, sql_type)
            return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        case "TIMESTAMP":
            local = _timestamp(value, sql_type)
            if local.tzinfo is not None:
                raise ValueError(f"{value} is an instant, the column is not")
            return local
        case root:
            raise ValueError(f"no comparison is pushed for {root}")


def _exactly(value: Literal, kind: type[_Kind]) -> _Kind:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


def _integer(value: Literal, bits: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        raise ValueError(f"{value!r} is not a whole number")
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise ValueError(f"{value!r} does not fit {bits} bits")
    return int(value)


def _decimal(value: Literal, sql_type: SqlType) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"{value!r} is not a number")
    number = Decimal(value)
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or -exponent > sql_type.scale:
        raise ValueError(f"{value!r} has more digits after the point than the column")
    if len(digits) + exponent > sql_type.precision - sql_type.scale:
        raise ValueError(f"{value!r} is larger than the column's type")
    return number


def _timestamp(value: Literal, sql_type: SqlType) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if type(moment) is date:
        moment = datetime(moment.year, moment.month, moment.day)
    if not isinstance(moment, datetime):
        raise TypeError(f"{value!r} is not a time")
    if sql_type.precision < 6 and moment.microsecond % 10 ** (6 - sql_type.precision):
        raise ValueError(f"{value!r} is finer than the column")
    return moment
