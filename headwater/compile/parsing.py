"""When the text of a JSON field is a value of a declared type, as an SQL condition, and how it is read.

One definition serves both sides: the typed view of a topic leaves out what the condition refuses, and the
rejects job keeps exactly that.
"""

from headwater.sqltype import SqlType

_NUMBERS = dict.fromkeys(("TINYINT", "SMALLINT", "INT", "BIGINT"), "^ *[+-]?[0-9]+ *$") | {
    "DECIMAL": "^ *[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)? *$"
}
_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_LTZ"})
TEXTS = frozenset({"STRING", "VARCHAR", "CHAR"})
NESTED = frozenset({"ARRAY", "MAP", "ROW", "MULTISET"})

_LEAP_YEAR = "([0-9][0-9](0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY = (
    "(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_TIME = "([01][0-9]|2[0-3])(:[0-5][0-9]){2}([.][0-9]{1,9})?"


def parsed(text: str, type_: SqlType) -> str:
    """The value of this text as the declared type; NULL when it is none.

    Flink's casts take no ISO-8601 `T` and `Z`, so they are taken out first; the session's zone is UTC.
    """
    if type_.root in TEXTS:
        return text
    if type_.root in _TIMES:
        return f"TRY_CAST(REPLACE(REPLACE({text}, 'T', ' '), 'Z', '') AS {type_})"
    return f"TRY_CAST({text} AS {type_})"


def text_is_valid(text: str, type_: SqlType) -> str:
    """A condition that is TRUE or FALSE, never NULL, for a text that is not NULL.

    Patterns guard where Flink's cast is more lenient than its JSON format: it cuts `12.7` as BIGINT to 12, and gives 0
    for a single letter as a short DECIMAL. Those of days and times let through exactly what can be cast, so that a
    value is parsed once: parsing a time costs more than all else that a view does.
    """
    if type_.root in TEXTS or type_.root in NESTED:
        return "TRUE"
    if type_.root == "BOOLEAN":
        return f"LOWER({text}) IN ('true', 'false')"
    if type_.root in _TIMES:
        zone = "Z" if type_.root == "TIMESTAMP_LTZ" else ""
        return f"REGEXP({text}, '^{_DAY}T{_TIME}{zone}$')"
    if type_.root == "DATE":
        return f"REGEXP({text}, '^{_DAY}$')"
    cast = f"{parsed(text, type_)} IS NOT NULL"
    pattern = _NUMBERS.get(type_.root)
    return f"(REGEXP({text}, '{pattern}') AND {cast})" if pattern else cast
