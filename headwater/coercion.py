"""Which type comes of two, and which type can be stored as which, as Flink 2.0 has it.

Sources: org.apache.flink.table.types.logical.utils.LogicalTypeCasts (implicit casts), LogicalTypeMerging (decimal
arithmetic); every rule here is held against what Flink itself reports in tests/unit/core/flink_types.json.
"""

from enum import Enum

from headwater.sqltype import INTERVAL, MAX_LENGTH, MAX_PRECISION, NULL, SqlType

_INTEGERS = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}
_APPROXIMATE = ("FLOAT", "DOUBLE")
_TIMESTAMPS = ("TIMESTAMP", "TIMESTAMP_LTZ")
_CHARACTERS = ("CHAR", "VARCHAR", "STRING")
_BINARIES = ("BINARY", "VARBINARY", "BYTES")
_LEAST_DIVISION_SCALE = 6


class Fit(Enum):
    """How values of one type go into a column of another."""

    SAME = "the same type"
    WIDENS = "every value fits"
    LOSES = "Flink stores it, but values may be cut, rounded or become NULL without a word"
    REFUSED = "Flink refuses it"


# For each type of column: the types whose every value fits, and those that Flink takes but that may lose something.
# Types of one root are told apart by their arguments, below.
_WIDENS: dict[str, tuple[str, ...]] = {
    "STRING": ("CHAR", "VARCHAR"),
    "VARCHAR": ("CHAR",),
    "BYTES": ("BINARY", "VARBINARY"),
    "VARBINARY": ("BINARY",),
    "SMALLINT": ("TINYINT",),
    "INT": ("TINYINT", "SMALLINT"),
    "BIGINT": ("TINYINT", "SMALLINT", "INT"),
    "FLOAT": ("TINYINT", "SMALLINT"),
    "DOUBLE": ("TINYINT", "SMALLINT", "INT", "FLOAT"),
    "DECIMAL": ("TINYINT", "SMALLINT", "INT", "BIGINT"),
    "TIMESTAMP": ("TIMESTAMP_LTZ",),
    "TIMESTAMP_LTZ": ("TIMESTAMP",),
}
_LOSES: dict[str, tuple[str, ...]] = {
    "VARCHAR": ("STRING",),
    "VARBINARY": ("BYTES",),
    "FLOAT": ("INT", "BIGINT", "DECIMAL"),
    "DOUBLE": ("BIGINT", "DECIMAL"),
    "DECIMAL": ("FLOAT", "DOUBLE"),
    "DATE": ("TIMESTAMP",),
    "TIME": ("TIMESTAMP",),
}


def can_store(source: SqlType, target: SqlType) -> Fit:
    """How values of `source` go into a column of `target` by INSERT, without a CAST. NULL goes anywhere.

    A TIMESTAMP becomes an instant, and an instant a TIMESTAMP, in the session's zone, which the platform keeps at UTC.
    """
    if source in (target, NULL):
        return Fit.SAME
    if source.root == target.root:
        return _same_root(source, target)
    if source.root in _WIDENS.get(target.root, ()):
        return Fit.WIDENS if _arguments_fit(source, target) else Fit.LOSES
    return Fit.LOSES if source.root in _LOSES.get(target.root, ()) else Fit.REFUSED


def _same_root(source: SqlType, target: SqlType) -> Fit:
    if source.elements:
        if len(source.elements) != len(target.elements):
            return Fit.REFUSED
        fits = [can_store(one, other) for one, other in zip(source.elements, target.elements, strict=True)]
        return max(fits, key=list(Fit).index)
    return Fit.WIDENS if _arguments_fit(source, target) else Fit.LOSES


def _arguments_fit(source: SqlType, target: SqlType) -> bool:
    if target.root == "DECIMAL":
        given = _as_decimal(source)
        return given.scale <= target.scale and given.precision - given.scale <= target.precision - target.scale
    if not target.arguments or not source.arguments:
        return True
    return source.precision <= target.precision


def common_type(types: list[SqlType]) -> SqlType | None:
    """The type of CASE, COALESCE, UNION and the like; None when Flink has none, or when it is not certain."""
    found: SqlType | None = types[0] if types else None
    for other in types[1:]:
        found = _common(found, other) if found else None
    return found


def _common(left: SqlType, right: SqlType) -> SqlType | None:
    if left == right or right == NULL:
        return left
    if left == NULL:
        return right
    if left.root in _CHARACTERS and right.root in _CHARACTERS:
        return _longer(left, right, "CHAR", "VARCHAR", "STRING")
    if left.root in _BINARIES and right.root in _BINARIES:
        return _longer(left, right, "BINARY", "VARBINARY", "BYTES")
    if is_numeric(left) and is_numeric(right):
        return _common_number(left, right)
    if left.root == right.root and left.root in _TIMESTAMPS:
        return max(left, right, key=lambda t: t.precision)
    if left.root == right.root and left.elements and len(left.elements) == len(right.elements):
        elements = tuple(_common(a, b) for a, b in zip(left.elements, right.elements, strict=True))
        return None if None in elements else SqlType(left.root, (), elements, left.names)  # type: ignore[arg-type]
    return None


def _longer(left: SqlType, right: SqlType, fixed: str, varying: str, unbounded: str) -> SqlType:
    if unbounded in (left.root, right.root):
        return SqlType(unbounded)
    root = fixed if left.root == right.root == fixed and left.arguments == right.arguments else varying
    return SqlType(root, (max(left.precision, right.precision),))


def _common_number(left: SqlType, right: SqlType) -> SqlType | None:
    roots = {left.root, right.root}
    if "DOUBLE" in roots:
        return SqlType("DOUBLE")
    if "FLOAT" in roots:
        return None if "DECIMAL" in roots else SqlType("FLOAT")
    if "DECIMAL" not in roots:
        return max(left, right, key=lambda t: _INTEGERS[t.root])
    one, other = _as_decimal(left), _as_decimal(right)
    scale = max(one.scale, other.scale)
    digits = max(one.precision - one.scale, other.precision - other.scale)
    return SqlType("DECIMAL", (min(digits + scale, MAX_PRECISION), scale))


def is_numeric(sql_type: SqlType) -> bool:
    """An integer, DECIMAL, FLOAT or DOUBLE."""
    return sql_type.root in _INTEGERS or sql_type.root == "DECIMAL" or sql_type.root in _APPROXIMATE


def arithmetic(operator: str, left: SqlType, right: SqlType) -> SqlType | None:
    """The type of `left operator right` for + - * / %; None when Flink refuses it."""
    if operator in "+-" and INTERVAL in (left, right):
        return _moved(left, right)
    if NULL in (left, right):
        return left if right == NULL else right
    if not (is_numeric(left) and is_numeric(right)):
        return None
    roots = {left.root, right.root}
    if roots & set(_APPROXIMATE):
        return None if operator == "%" else _approximate(left, right)
    if "DECIMAL" not in roots:
        return right if operator == "%" else max(left, right, key=lambda t: _INTEGERS[t.root])
    return _decimal(operator, left, right)


def _moved(left: SqlType, right: SqlType) -> SqlType | None:
    """A point in time moved by an interval, or one interval added to another."""
    other = right if left == INTERVAL else left
    return other if other == INTERVAL or other.root in (*_TIMESTAMPS, "DATE", "TIME") else None


def _approximate(left: SqlType, right: SqlType) -> SqlType:
    """FLOAT with DOUBLE keeps the type of the left one, as Flink has it."""
    if left.root in _APPROXIMATE and right.root in _APPROXIMATE:
        return left
    other = right if left.root in _APPROXIMATE else left
    if other.root == "DECIMAL":
        return SqlType("DOUBLE")
    return left if left.root in _APPROXIMATE else right


def _decimal(operator: str, left: SqlType, right: SqlType) -> SqlType:
    one, other = _as_decimal(left), _as_decimal(right)
    (p1, s1), (p2, s2) = one.arguments, other.arguments
    if operator == "%":
        if s1 == s2 == 0:
            return right
        scale = max(s1, s2)
        return SqlType("DECIMAL", (min(p1 - s1, p2 - s2) + scale, scale))
    if operator == "*":
        return _within_limit(p1 + p2 + 1, s1 + s2)
    if operator == "/":
        scale = max(_LEAST_DIVISION_SCALE, s1 + p2 + 1)
        return _within_limit(p1 - s1 + s2 + scale, scale)
    scale = max(s1, s2)
    return _within_limit(max(p1 - s1, p2 - s2) + scale + 1, scale)


def _within_limit(precision: int, scale: int) -> SqlType:
    """Digits before the point are kept at the cost of those after it, of which at least six stay."""
    if precision <= MAX_PRECISION:
        return SqlType("DECIMAL", (precision, scale))
    digits = precision - scale
    return SqlType("DECIMAL", (MAX_PRECISION, max(MAX_PRECISION - digits, min(scale, _LEAST_DIVISION_SCALE))))


def _as_decimal(sql_type: SqlType) -> SqlType:
    return SqlType("DECIMAL", (_INTEGERS[sql_type.root], 0)) if sql_type.root in _INTEGERS else sql_type


def joined_text(left: SqlType, right: SqlType) -> SqlType | None:
    """The type of `left || right`; None when Flink refuses it."""
    if left.root not in _CHARACTERS or right.root not in _CHARACTERS:
        return None
    if "STRING" in (left.root, right.root):
        return SqlType("STRING")
    length = min(left.precision + right.precision, MAX_LENGTH)
    return SqlType("CHAR" if left.root == right.root == "CHAR" else "VARCHAR", (length,))
