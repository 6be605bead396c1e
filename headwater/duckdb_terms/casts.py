"""CAST, TRY_CAST, and literals of dates and times."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from sqlglot import exp

from headwater import coercion
from headwater.duckdb_terms.typed import (
    DATE,
    FLOATS,
    INTEGERS,
    TEXTS,
    TIMES,
    Refused,
    Surroundings,
    Typed,
    duckdb_type,
    unless,
)
from headwater.duckdb_text import quoted, texted
from headwater.flinksql import cast_type
from headwater.sqltype import SqlType

_TIME_FORMATS = {0: "%Y-%m-%d %H:%M:%S", 3: "%Y-%m-%d %H:%M:%S.%g", 6: "%Y-%m-%d %H:%M:%S.%f"}
_WHOLE, _DECIMAL, _DATE = r"[+-]?\d{1,18}", r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})", r"\d{4}-\d{2}-\d{2}"


def _cast(node: exp.Cast, around: Surroundings) -> Typed:
    kind = cast_type(node)
    # A literal such as TIMESTAMP '2026-11-22 03:04:05' leaves its type open; it is as fine as its text.
    if kind is None or (isinstance(node.this, exp.Literal) and node.this.is_string and kind.root in ("DATE", *TIMES)):
        return _time_literal(node, kind)
    given = around.expression(node.this)
    return Typed(_converted(node, given, kind), kind)


def _converted(node: exp.Expr, given: Typed, kind: SqlType) -> str:
    name = duckdb_type(node, kind)
    plain = f"CAST({given.sql} AS {name})"
    match given.type.root, kind.root:
        case "NULL", _:
            return plain
        case source, target if source in TEXTS and target in TEXTS:
            return _shortened(given.sql, kind)
        case _, target if target in TEXTS:
            return _shortened(_written(node, given), kind)
        case source, _ if source in TEXTS:
            return _read(node, given, kind, name)
        case source, target if source == target and not given.type.arguments and not given.type.elements:
            return plain
        case source, target if source in (*INTEGERS, "DECIMAL") and target in ("DECIMAL", "FLOAT", "DOUBLE"):
            return plain
        case source, target if source in INTEGERS and target in INTEGERS:
            return plain
        case source, target if source in ("DECIMAL", *FLOATS) and target in INTEGERS:
            # Flink cuts the fraction off, DuckDB rounds.
            return f"CAST(TRUNC({given.sql}) AS {name})"
        case ("FLOAT", "DOUBLE") | ("INT", "BOOLEAN") | ("BOOLEAN", "INT"):
            return plain
        case source, "DATE" if source in TIMES:
            return plain
        case source, target if source in ("DATE", *TIMES) and target in TIMES:
            return _cut(node, plain, given.type, kind)
        case "ROW", "ROW" if len(given.type.elements) == len(kind.elements):
            return _row(node, given, kind)
        case source, target if source == target and coercion.can_store(given.type, kind) in _LOSSLESS:
            return plain
    raise Refused(node, f"CAST({given.type} AS {kind}) is not known to give the same in both engines")


_LOSSLESS = (coercion.Fit.SAME, coercion.Fit.WIDENS)


def _shortened(text: str, kind: SqlType) -> str:
    """Flink cuts a text to VARCHAR(n); CHAR(n) it fills with spaces too."""
    if kind.root == "STRING":
        return f"CAST({text} AS VARCHAR)"
    return f"rpad({text}, {kind.precision}, ' ')" if kind.root == "CHAR" else f"left({text}, {kind.precision})"


def _written(node: exp.Expr, given: Typed) -> str:
    """A value as text."""
    match given.type.root:
        case root if root in (*INTEGERS, "DATE", "DECIMAL"):
            return f"CAST({given.sql} AS VARCHAR)"
        case "BOOLEAN":
            return f"CASE WHEN {given.sql} THEN 'TRUE' WHEN NOT {given.sql} THEN 'FALSE' END"
        case root if root in TIMES and given.type.precision in _TIME_FORMATS:
            return f"strftime(CAST({given.sql} AS TIMESTAMP), {texted(_TIME_FORMATS[given.type.precision])})"
    raise Refused(node, f"CAST({given.type} AS STRING) is not known to give the same in both engines")


def _read(node: exp.Expr, given: Typed, kind: SqlType, name: str) -> str:
    """A text as a value: only texts of one shape, which every engine reads alike."""
    match kind.root:
        case root if root in INTEGERS:
            shape, text = _WHOLE, f"CAST({given.sql} AS {name})"
        case "DECIMAL" | "DOUBLE":
            shape, text = _DECIMAL, f"CAST({given.sql} AS {name})"
        case "DATE":
            shape, text = _DATE, f"CAST({given.sql} AS DATE)"
        case "TIMESTAMP" if kind.precision <= 6:
            digits = rf"(\.\d{{1,{kind.precision}}})?" if kind.precision else ""
            shape, text = rf"{_DATE} \d{{2}}:\d{{2}}:\d{{2}}{digits}", f"CAST({given.sql} AS TIMESTAMP)"
        case _:
            raise Refused(node, f"CAST({given.type} AS {kind}) is not known to give the same in both engines")
    if isinstance(node, exp.TryCast):
        text = f"TRY_{text}"
    test = f"NOT regexp_full_match({given.sql}, {texted(shape)})"
    hint = f"CAST(… AS {kind}) of a text of another shape than {shape}"
    if isinstance(node, exp.TryCast):
        # Without a digit it is no number and no time to anyone.
        return f"CASE WHEN NOT regexp_matches({given.sql}, '[0-9]') THEN NULL ELSE {unless(test, text, hint)} END"
    return unless(test, text, hint)


def _row(node: exp.Expr, given: Typed, kind: SqlType) -> str:
    """Fields go by their place in Flink, by their name in DuckDB."""
    fields = []
    for index, (name, element) in enumerate(zip(kind.names, kind.elements, strict=True), 1):
        part = Typed(f"struct_extract_at({given.sql}, {index})", given.type.elements[index - 1])
        fields.append(f"{quoted(name)} := {part.sql if part.type == element else _converted(node, part, element)}")
    return f"CASE WHEN {given.sql} IS NULL THEN NULL ELSE struct_pack({', '.join(fields)}) END"


def _cut(node: exp.Expr, text: str, given: SqlType, kind: SqlType) -> str:
    """Flink cuts digits off a time; DuckDB's TIMESTAMP keeps six."""
    if given.root == "DATE" or given.precision <= kind.precision or kind.precision >= 6:
        return text
    units = {0: "second", 3: "millisecond"}
    if kind.precision not in units:
        raise Refused(node, "a time is cut to 0 or 3 digits here")
    # Before 1970 Flink cuts toward the epoch, that is up.
    cut = f"date_trunc('{units[kind.precision]}', {text})"
    return unless(f"epoch_us({text}) < 0 AND {cut} <> {text}", cut, "cutting digits off a time before 1970")


def _time_literal(node: exp.Cast, kind: SqlType | None) -> Typed:
    text = node.this.name if isinstance(node.this, exp.Literal) else ""
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
    zoned = node.to.this is exp.DType.TIMESTAMPLTZ
    if kind is None:
        kind = SqlType("TIMESTAMP_LTZ" if zoned else "TIMESTAMP", (len(text.partition(".")[2]),))
    name = "TIMESTAMPTZ" if zoned else "TIMESTAMP"
    return Typed(
        _cut(node, f"CAST('{moment.isoformat(' ', 'milliseconds')}' AS {name})", SqlType("T", (3,)), kind), kind
    )


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {exp.Cast: _cast, exp.TryCast: _cast}
