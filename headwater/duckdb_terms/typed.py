"""Types of Flink expressions, what a translation is made of, and the refusal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from headwater.sqltype import NULL, SqlType

STRING = SqlType("STRING")
BOOLEAN = SqlType("BOOLEAN")
INT = SqlType("INT")
BIGINT = SqlType("BIGINT")
DOUBLE = SqlType("DOUBLE")
DATE = SqlType("DATE")

INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
TEXTS = ("STRING", "VARCHAR", "CHAR")
FLOATS = ("FLOAT", "DOUBLE")
TIMES = ("TIMESTAMP", "TIMESTAMP_LTZ")
SPANS = {"SECOND": 1_000_000, "MINUTE": 60_000_000, "HOUR": 3_600_000_000, "DAY": 86_400_000_000}

_NAMES = {
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "INT": "INTEGER",
    "BIGINT": "BIGINT",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "STRING": "VARCHAR",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP_LTZ": "TIMESTAMPTZ",
}


class Refused(Exception):
    """This construct is not run in DuckDB. Carries the node and the reason."""

    def __init__(self, node: exp.Expr, reason: str) -> None:
        super().__init__(reason)
        self.node = node
        self.reason = reason


class Mistake(Refused):
    """Wrong in any engine: a name that is not there, or is there twice."""


@dataclass(frozen=True, slots=True)
class Typed:
    """DuckDB's text of an expression, and the type that it has in Flink."""

    sql: str
    type: SqlType


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an expression is translated in.

    Args:
        column: Finds a column of the sources in scope; raises Refused when there is none or several.
        subquery: Translates a query inside the expression; gives its text and the types of its columns.
        rules: What is known of each kind of node, and of each function by name; everything else is refused.
    """

    column: Callable[[exp.Column], Typed]
    subquery: Callable[[exp.Expr], tuple[str, Sequence[SqlType]]]
    rules: Mapping[type[exp.Expr] | str, "Rule"]

    def expression(self, node: exp.Expr) -> Typed:
        """The expression for DuckDB. Raises Refused for what is not on the list."""
        called = isinstance(node, exp.Anonymous)
        rule = self.rules.get(node.name.upper() if called else type(node))
        if rule is None:
            name = node.name if called else node.sql_name() if isinstance(node, exp.Func) else node.key.upper()
            raise Refused(node, f"{name} is not among the constructs known to mean the same in both engines")
        return rule(node, self)


Rule = Callable[[exp.Expr, Surroundings], Typed]


def common_type(nodes: Sequence[exp.Expr], types: Sequence[SqlType]) -> SqlType:
    """The type that values of all these types have together. Raises Refused when they have none."""
    known = [(node, kind) for node, kind in zip(nodes, types, strict=True) if kind != NULL]
    if not known:
        return NULL
    result = known[0][1]
    for node, kind in known[1:]:
        result = _common(node, result, kind)
    return result


def _common(node: exp.Expr, left: SqlType, right: SqlType) -> SqlType:
    if left == right:
        return left
    if left.root in TEXTS and right.root in TEXTS:
        return STRING
    if left.root in TIMES and left.root == right.root:
        return max(left, right, key=lambda kind: kind.precision)
    if is_number(left) and is_number(right):
        return _common_number(left, right)
    raise Refused(node, f"{left} and {right} meet without a CAST")


def _common_number(left: SqlType, right: SqlType) -> SqlType:
    if left.root in FLOATS or right.root in FLOATS:
        return DOUBLE
    if left.root == "DECIMAL" or right.root == "DECIMAL":
        one, other = as_decimal(left), as_decimal(right)
        scale = max(one.scale, other.scale)
        whole = max(one.precision - one.scale, other.precision - other.scale)
        return SqlType("DECIMAL", (min(38, whole + scale), scale))
    return max(left, right, key=lambda kind: INTEGERS.index(kind.root))


def as_decimal(kind: SqlType) -> SqlType:
    """The DECIMAL that holds every value of a type of whole numbers; a DECIMAL itself."""
    digits = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}
    return kind if kind.root == "DECIMAL" else SqlType("DECIMAL", (digits[kind.root], 0))


def is_number(kind: SqlType) -> bool:
    """Whether a type is numeric."""
    return kind.root in INTEGERS or kind.root in FLOATS or kind.root == "DECIMAL"


def duckdb_type(node: exp.Expr, kind: SqlType) -> str:
    """DuckDB's name of a type. Raises Refused for one that reports do not use."""
    if kind.root == "DECIMAL":
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if kind.root not in _NAMES:
        raise Refused(node, f"the type {kind} is not known to mean the same in both engines")
    return _NAMES[kind.root]


def arguments(node: exp.Expr, least: int, most: int | None = None) -> list[exp.Expr]:
    """A function's arguments. Raises Refused when there are fewer or more than it takes."""
    given = node.expressions
    if len(given) < least or len(given) > (least if most is None else most):
        raise Refused(node, f"{node.name.upper()} with {len(given)} arguments")
    return given


def condition(node: exp.Expr, around: Surroundings) -> str:
    """A BOOLEAN expression for DuckDB. Raises Refused."""
    typed = around.expression(node)
    if typed.type not in (BOOLEAN, NULL):
        raise Refused(node, f"a condition is wanted and this is {typed.type}")
    return typed.sql


def as_text(node: exp.Expr, typed: Typed) -> str:
    """The text of an expression that must be a string. Raises Refused."""
    if typed.type.root not in (*TEXTS, "NULL"):
        raise Refused(node, f"a string is wanted and this is {typed.type}; CAST it")
    return typed.sql


def as_type(node: exp.Expr, typed: Typed, kind: SqlType) -> str:
    """The text of an expression, cast to a type that it widens to."""
    if typed.type in (kind, NULL) or typed.type.root in TEXTS:
        return typed.sql
    return f"CAST({typed.sql} AS {duckdb_type(node, kind)})"
