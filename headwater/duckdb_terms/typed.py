"""Types of Flink expressions, what a translation is made of, and the refusal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from headwater import coercion
from headwater.duckdb_text import quoted, texted
from headwater.functions import RULES as TYPE_RULES
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
NESTED = ("ARRAY", "MAP", "ROW", "MULTISET")
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
    "VARCHAR": "VARCHAR",
    "CHAR": "VARCHAR",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP_LTZ": "TIMESTAMPTZ",
    "NULL": '"NULL"',
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
            why = _WHY_NOT.get(name.upper(), "is not among the constructs known to mean the same in both engines")
            raise Refused(node, f"{name} {why}")
        found = rule(node, self)
        # sqlglot keeps the NOT of NOT LIKE in the node itself.
        return Typed(f"(NOT {found.sql})", BOOLEAN) if node.args.get("negate") else found

    def all(self, nodes: Iterable[exp.Expr]) -> list[Typed]:
        """Several expressions."""
        return [self.expression(node) for node in nodes]


Rule = Callable[[exp.Expr, Surroundings], Typed]

_WALL_CLOCK = "reads the clock: what it gives depends on when it runs"
_NO_ORDER = "puts values together in no fixed order"
_CHANCE = "gives something else at every run"
_AS_TEXT = "writes JSON, and the engines write it differently"
_WHY_NOT = {
    **dict.fromkeys(
        ("PROCTIME", "NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME", "LOCALTIMESTAMP"),
        _WALL_CLOCK,
    ),
    **dict.fromkeys(("CURRENT_ROW_TIMESTAMP", "CURRENT_WATERMARK"), _WALL_CLOCK),
    **dict.fromkeys(("LISTAGG", "ARRAY_AGG", "JSON_ARRAYAGG", "JSON_OBJECTAGG"), _NO_ORDER),
    **dict.fromkeys(("MAP_KEYS", "MAP_VALUES", "MAP_ENTRIES"), "gives the entries of a map in no fixed order"),
    **dict.fromkeys(("RAND", "RAND_INTEGER", "UUID"), _CHANCE),
    **dict.fromkeys(("JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY", "JSON_STRING"), _AS_TEXT),
    **dict.fromkeys(("FIRST_VALUE", "LAST_VALUE"), "without OVER depends on the order in which rows arrive"),
}


def by_rule(node: exp.Expr, name: str, types: Sequence[SqlType]) -> SqlType:
    """The type that Flink gives a function of arguments of these types. Raises Refused when it is not known."""
    rule = TYPE_RULES.get(name)
    found = rule(types) if rule else None
    if found is None:
        raise Refused(node, f"{name} of {', '.join(map(str, types))}")
    return found


def common_type(nodes: Sequence[exp.Expr], types: Sequence[SqlType]) -> SqlType:
    """The type that values of all these types have together. Raises Refused when they have none."""
    found = NULL
    for node, kind in zip(nodes, types, strict=True):
        together = coercion.common_type([found, kind])
        if together is None:
            raise Refused(node, f"{found} and {kind} meet without a CAST")
        found = together
    return found


def comparable(node: exp.Expr, types: Sequence[SqlType]) -> SqlType:
    """The type in which values are compared. Raises Refused for what the engines compare differently."""
    kind = common_type([node] * len(types), types)
    if kind.root in NESTED:
        raise Refused(node, f"a comparison of {kind}: the engines differ in what NULLs inside it mean")
    return kind


def is_number(kind: SqlType) -> bool:
    """Whether a type is numeric."""
    return coercion.is_numeric(kind)


def duckdb_type(node: exp.Expr, kind: SqlType) -> str:
    """DuckDB's name of a type. Raises Refused for one that is not known to mean the same."""
    match kind.root:
        case "DECIMAL":
            return f"DECIMAL({kind.precision}, {kind.scale})"
        case "ARRAY":
            return f"{duckdb_type(node, kind.elements[0])}[]"
        case "MAP":
            return f"MAP({', '.join(duckdb_type(node, element) for element in kind.elements)})"
        case "ROW" if len({name.lower() for name in kind.names}) == len(kind.names):
            fields = zip(kind.names, kind.elements, strict=True)
            return f"STRUCT({', '.join(f'{quoted(name)} {duckdb_type(node, element)}' for name, element in fields)})"
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


def as_number(node: exp.Expr, typed: Typed) -> str:
    """An expression that must be a number, as a DOUBLE. Raises Refused."""
    if not is_number(typed.type):
        raise Refused(node, f"a number is wanted and this is {typed.type}")
    return typed.sql if typed.type == DOUBLE else f"CAST({typed.sql} AS DOUBLE)"


def as_whole(node: exp.Expr, typed: Typed) -> str:
    """An expression that must be an integer. Raises Refused."""
    if typed.type.root not in INTEGERS:
        raise Refused(node, f"an integer is wanted and this is {typed.type}")
    return typed.sql


def as_type(node: exp.Expr, typed: Typed, kind: SqlType) -> str:
    """The text of an expression, cast to a type that it widens to."""
    if typed.type in (kind, NULL) or typed.type.root in TEXTS:
        return typed.sql
    return f"CAST({typed.sql} AS {duckdb_type(node, kind)})"


def literal(node: exp.Expr, what: str) -> str:
    """The text of a string literal. Raises Refused when it is none."""
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise Refused(node, f"{what} is a literal here")
    return node.name


def whole(node: exp.Expr, least: int, what: str) -> int:
    """A literal integer. Raises Refused when it is none, or less than `least`."""
    if not isinstance(node, exp.Literal) or not node.name.isdigit() or int(node.name) < least:
        raise Refused(node, f"{what} is a literal of at least {least} here")
    return int(node.name)


def unless(test: str, text: str, reason: str) -> str:
    """The text, but a failing query for rows where the test is true: there the engines differ.

    A refusal at run time, for what only the rows can tell. The message reaches whoever runs the query.
    """
    message = texted(f"DuckDB is not known to run this as Flink does: {reason}")
    return f"CASE WHEN {test} THEN error({message}) ELSE {text} END"
