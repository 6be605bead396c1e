"""When the text of a JSON field is a value of a declared type, as an SQL condition, and how it is read.

One definition serves both sides: the typed view of a topic leaves out what the condition refuses, and the
rejects job keeps exactly that.
"""

from headwater.sqltype import SqlType

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT"})
_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_LTZ"})
TEXTS = frozenset({"STRING", "VARCHAR", "CHAR"})
NESTED = frozenset({"ARRAY", "MAP", "ROW", "MULTISET"})


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

    Patterns guard where Flink's cast is more lenient than its JSON format: `12.7` as BIGINT would be cut to 12.
    """
    if type_.root in TEXTS or type_.root in NESTED:
        return "TRUE"
    if type_.root == "BOOLEAN":
        return f"LOWER({text}) IN ('true', 'false')"
    cast = f"{parsed(text, type_)} IS NOT NULL"
    if type_.root in _INTEGERS:
        return f"(REGEXP({text}, '^ *[+-]?[0-9]+ *$') AND {cast})"
    if type_.root == "DATE":
        return f"(REGEXP({text}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$') AND {cast})"
    if type_.root in _TIMES:
        zone = "Z" if type_.root == "TIMESTAMP_LTZ" else ""
        return f"(REGEXP({text}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9:]{{8}}([.][0-9]+)?{zone}$') AND {cast})"
    return cast
