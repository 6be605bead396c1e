"""The functions whose result type is known: an allow list. What is not on it needs a CAST.

Each rule takes the types of the arguments and gives the type of the call, or None when it cannot tell.
Held against Flink 2.0.2 in tests/unit/core/flink_types.json.
"""

from collections.abc import Callable, Sequence

from headwater.coercion import arithmetic, common_type
from headwater.sqltype import NULL, SqlType

Rule = Callable[[Sequence[SqlType]], SqlType | None]

_BOOLEAN, _INT, _BIGINT, _DOUBLE = SqlType("BOOLEAN"), SqlType("INT"), SqlType("BIGINT"), SqlType("DOUBLE")
_STRING, _DATE, _TIME = SqlType("STRING"), SqlType("DATE"), SqlType("TIME", (0,))
_TIMESTAMP, _INSTANT = SqlType("TIMESTAMP", (3,)), SqlType("TIMESTAMP_LTZ", (3,))


def _always(result: SqlType) -> Rule:
    return lambda _: result


def _first(types: Sequence[SqlType]) -> SqlType | None:
    return types[0] if types else None


def _common(types: Sequence[SqlType]) -> SqlType | None:
    found = common_type(list(types))
    return None if found == NULL else found


def _sum(types: Sequence[SqlType]) -> SqlType | None:
    return SqlType("DECIMAL", (38, types[0].scale)) if types and types[0].root == "DECIMAL" else _first(types)


def _average(types: Sequence[SqlType]) -> SqlType | None:
    return SqlType("DECIMAL", (38, max(6, types[0].scale))) if types and types[0].root == "DECIMAL" else _first(types)


def _array(types: Sequence[SqlType]) -> SqlType | None:
    element = _common(types)
    return SqlType("ARRAY", elements=(element,)) if element else None


def _array_aggregate(types: Sequence[SqlType]) -> SqlType | None:
    return SqlType("ARRAY", elements=(types[0],)) if types else None


def _multiset(types: Sequence[SqlType]) -> SqlType | None:
    return SqlType("MULTISET", elements=(types[0],)) if types else None


def _map(types: Sequence[SqlType]) -> SqlType | None:
    key, value = _common(types[::2]), _common(types[1::2])
    return SqlType("MAP", elements=(key, value)) if key and value else None


def _row(types: Sequence[SqlType]) -> SqlType:
    return SqlType("ROW", elements=tuple(types), names=tuple(f"EXPR${index}" for index in range(len(types))))


def _element(position: int) -> Rule:
    return lambda types: types[0].elements[position] if types and len(types[0].elements) > position else None


def _elements(position: int) -> Rule:
    element = _element(position)

    def rule(types: Sequence[SqlType]) -> SqlType | None:
        found = element(types)
        return SqlType("ARRAY", elements=(found,)) if found else None

    return rule


def _substring(types: Sequence[SqlType]) -> SqlType | None:
    return SqlType("VARCHAR", types[0].arguments) if types and types[0].root == "CHAR" else _first(types)


def _remainder(types: Sequence[SqlType]) -> SqlType | None:
    return arithmetic("%", types[0], types[1]) if len(types) == 2 else None


def _whole(types: Sequence[SqlType]) -> SqlType | None:
    return SqlType("DECIMAL", (types[0].precision, 0)) if types and types[0].root == "DECIMAL" else _first(types)


def _case_of_if(types: Sequence[SqlType]) -> SqlType | None:
    return _common(types[1:]) if len(types) == 3 else None


def _not_decimal(types: Sequence[SqlType]) -> SqlType | None:
    return None if types and types[0].root == "DECIMAL" else _first(types)


def _moved(types: Sequence[SqlType]) -> SqlType | None:
    return types[-1] if types and types[-1].root in ("TIMESTAMP", "TIMESTAMP_LTZ") else None


_NAMES: dict[Rule, str] = {
    _always(_BOOLEAN): "STARTSWITH ENDSWITH REGEXP JSON_EXISTS IS_DIGIT IS_DECIMAL IS_ALPHA ARRAY_CONTAINS",
    _always(_INT): """CHAR_LENGTH CHARACTER_LENGTH POSITION LOCATE INSTR ASCII CARDINALITY ARRAY_POSITION TIMESTAMPDIFF
        RAND_INTEGER HASH_CODE""",
    _always(_BIGINT): """COUNT APPROX_COUNT_DISTINCT ROW_NUMBER RANK DENSE_RANK NTILE EXTRACT YEAR QUARTER MONTH WEEK
        DAYOFYEAR DAYOFMONTH DAYOFWEEK HOUR MINUTE SECOND UNIX_TIMESTAMP""",
    _always(
        _DOUBLE
    ): """POWER SQRT LN LOG LOG2 LOG10 EXP SIN COS TAN ASIN ACOS ATAN RAND PI E PERCENT_RANK CUME_DIST""",
    _always(_STRING): """CONCAT CONCAT_WS REPLACE LPAD RPAD REPEAT REVERSE SPLIT_INDEX REGEXP_EXTRACT
        REGEXP_REPLACE CHR TO_BASE64 FROM_BASE64 PARSE_URL URL_ENCODE URL_DECODE BTRIM TRANSLATE PRINTF DATE_FORMAT
        FROM_UNIXTIME CONVERT_TZ JSON_VALUE JSON_QUERY JSON_STRING JSON_OBJECT JSON_ARRAY JSON_QUOTE JSON_UNQUOTE
        ARRAY_JOIN TYPEOF BIN HEX""",
    _always(_DATE): "TO_DATE",
    _always(_TIMESTAMP): "TO_TIMESTAMP",
    _always(_INSTANT): "TO_TIMESTAMP_LTZ PROCTIME NOW CURRENT_TIMESTAMP CURRENT_ROW_TIMESTAMP",
    _always(SqlType("CHAR", (36,))): "UUID",
    _always(SqlType("CHAR", (32,))): "MD5",
    _always(SqlType("CHAR", (40,))): "SHA1",
    _always(SqlType("CHAR", (64,))): "SHA256",
    _always(SqlType("MAP", elements=(_STRING, _STRING))): "STR_TO_MAP",
    _always(SqlType("ARRAY", elements=(_STRING,))): "SPLIT",
    _first: """MIN MAX FIRST_VALUE LAST_VALUE LAG LEAD ABS SIGN UPPER LOWER INITCAP NULLIF LISTAGG ARRAY_DISTINCT
        ARRAY_SORT ARRAY_SLICE ARRAY_REVERSE ARRAY_REMOVE ARRAY_EXCEPT ARRAY_APPEND ARRAY_PREPEND""",
    _sum: "SUM",
    _average: "AVG STDDEV_POP STDDEV_SAMP STDDEV VAR_POP VAR_SAMP VARIANCE",
    _common: "COALESCE IFNULL GREATEST LEAST ARRAY_CONCAT ARRAY_UNION",
    _case_of_if: "IF",
    _remainder: "MOD",
    _substring: "LEFT RIGHT SUBSTRING SUBSTR TRIM LTRIM RTRIM",
    _whole: "FLOOR CEIL",
    _not_decimal: "TRUNCATE",
    _moved: "TIMESTAMPADD",
    _array: "ARRAY",
    _map: "MAP",
    _row: "ROW",
    _array_aggregate: "ARRAY_AGG",
    _multiset: "COLLECT",
    _element(0): "ELEMENT ARRAY_MAX ARRAY_MIN",
    _elements(0): "MAP_KEYS",
    _elements(1): "MAP_VALUES",
}

RULES: dict[str, Rule] = {name: rule for rule, names in _NAMES.items() for name in names.split()}
"""The rule of each function on the list, by its name in upper case."""

UNIT_FIRST = ("TIMESTAMPDIFF", "TIMESTAMPADD")
"""Functions whose first argument is a unit of time."""
