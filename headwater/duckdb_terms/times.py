"""Functions of dates and times. Both engines' sessions are in UTC, so an instant and its wall clock are one."""

import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    BIGINT,
    DATE,
    INT,
    INTEGERS,
    SPANS,
    STRING,
    TIMES,
    Refused,
    Rule,
    Surroundings,
    Typed,
    arguments,
    as_text,
    as_whole,
    literal,
    unless,
    whole,
)
from headwater.duckdb_text import texted
from headwater.sqltype import SqlType

_PARTS = ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
_LONG_UNITS = {"WEEK": "week", "MONTH": "month", "QUARTER": "quarter", "YEAR": "year"}
_DEFAULT_PATTERN = "yyyy-MM-dd HH:mm:ss"
# Java's letters, DuckDB's specifier, and the shape of what both read.
_LETTERS = {
    "yyyy": ("%Y", r"\d{4}"),
    "MM": ("%m", r"\d{2}"),
    "dd": ("%d", r"\d{2}"),
    "HH": ("%H", r"\d{2}"),
    "mm": ("%M", r"\d{2}"),
    "ss": ("%S", r"\d{2}"),
    "SSS": ("%g", r"\d{3}"),
}


def micros(interval: exp.Expr) -> int:
    """Microseconds of an interval of whole seconds, minutes, hours or days. Raises Refused for any other."""
    unit = interval.args["unit"] if isinstance(interval, exp.Interval) else None
    word = unit.name.upper() if isinstance(unit, exp.Var) else ""
    amount = interval.this
    if word not in SPANS or not isinstance(amount, exp.Literal) or not amount.name.isdigit():
        raise Refused(interval, "an interval is a whole number of seconds, minutes, hours or days here")
    return int(amount.name) * SPANS[word]


def _shifted(node: exp.Expr, around: Surroundings) -> Typed:
    """A time plus or minus an interval."""
    sign = "+" if isinstance(node, exp.Add) else "-"
    time, interval = around.expression(node.this), node.expression
    unit = interval.args["unit"].name.upper() if isinstance(interval.args.get("unit"), exp.Var) else ""
    amount = interval.this
    if unit not in (*SPANS, "MONTH", "YEAR") or not isinstance(amount, exp.Literal) or not amount.name.isdigit():
        raise Refused(interval, "an interval is a whole number of seconds, minutes, hours, days, months or years here")
    shifted = f"({time.sql} {sign} INTERVAL '{amount.name}' {unit})"
    if time.type == DATE and unit in ("DAY", "MONTH", "YEAR"):
        # DuckDB makes a timestamp of it.
        return Typed(f"CAST({shifted} AS DATE)", DATE)
    if time.type.root not in TIMES:
        raise Refused(node, f"{time.type} {sign} INTERVAL {unit}")
    return Typed(shifted, time.type)


def _truncated(word: str) -> Rule:
    """FLOOR and CEIL of a time to a unit."""

    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = around.expression(node.this)
        unit = node.args["to"].name.upper() if node.args.get("to") else ""
        # CEIL TO MONTH and longer looks at the date alone in Flink.
        known = (*SPANS, "MONTH", "QUARTER", "YEAR") if word == "FLOOR" else tuple(SPANS)
        if unit not in known or given.type.root not in TIMES:
            raise Refused(node, f"{word}({given.type} TO {unit}): a time TO {', '.join(known)} is known")
        floor = f"date_trunc('{unit.lower()}', {given.sql})"
        if word == "FLOOR":
            return Typed(floor, given.type)
        ceiling = f"CASE WHEN {floor} = {given.sql} THEN {given.sql} ELSE {floor} + INTERVAL '1' {unit} END"
        return Typed(ceiling, given.type)

    return rule


def _part(unit: str, value: exp.Expr, around: Surroundings) -> Typed:
    # Before 1970 Flink rounds toward the epoch (1969-12-31 23:59:58.7 is in its year 1970); DuckDB does not.
    given = around.expression(value)
    days = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOY", "DOW")
    if given.type.root not in ("DATE", *TIMES) or unit not in (days if given.type == DATE else (*days, *_PARTS)):
        raise Refused(value, f"EXTRACT({unit} FROM {given.type})")
    if unit == "DOW":
        # Sunday is 1 in Flink and 0 in DuckDB.
        return Typed(f"(dayofweek({given.sql}) + 1)", BIGINT)
    return Typed(f"EXTRACT({unit} FROM {given.sql})", BIGINT)


def _extract(node: exp.Extract, around: Surroundings) -> Typed:
    return _part(node.name.upper(), node.expression, around)


def _named_part(unit: str) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        return _part(unit, arguments(node, 1)[0], around)

    return rule


def _difference(node: exp.Expr, around: Surroundings) -> Typed:
    """TIMESTAMPDIFF(unit, from, to): complete units, cut toward zero; DuckDB's date_diff counts boundaries crossed."""
    given = arguments(node, 3)
    unit = given[0].name.upper()
    start, end = around.all(given[1:])
    if unit in ("MONTH", "YEAR", "QUARTER") and start.type.root in ("DATE", *TIMES) and end.type == start.type:
        return Typed(f"CAST(datesub('{unit.lower()}', {start.sql}, {end.sql}) AS INTEGER)", INT)
    if unit == "DAY" and start.type == end.type == DATE:
        return Typed(f"CAST({end.sql} - {start.sql} AS INTEGER)", INT)
    if unit not in SPANS or start.type.root not in TIMES or end.type.root != start.type.root:
        raise Refused(node, f"TIMESTAMPDIFF({unit}, {start.type}, {end.type}): two times of one kind, SECOND to YEAR")
    return Typed(f"CAST((epoch_us({end.sql}) - epoch_us({start.sql})) // {SPANS[unit]} AS INTEGER)", INT)


def _added(node: exp.Expr, around: Surroundings) -> Typed:
    """TIMESTAMPADD(unit, count, time)."""
    unit, count, value = arguments(node, 3)
    word = unit.name.upper()
    time = around.expression(value)
    if word not in (*SPANS, "MONTH", "YEAR") or time.type.root not in TIMES:
        raise Refused(
            node, f"TIMESTAMPADD({word}, …, {time.type}): a time moved by SECOND to DAY, MONTH, YEAR is known"
        )
    amount = as_whole(count, around.expression(count))
    return Typed(f"({time.sql} + {amount} * INTERVAL '1' {word})", time.type)


def java_pattern(node: exp.Expr) -> tuple[str, str]:
    """A literal Java pattern as DuckDB's, and as a regular expression of what has its shape. Raises Refused."""
    text = literal(node, "a pattern of a time")
    formats, shapes, rest = [], [], text
    while rest:
        match = re.match(r"([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z'%]", rest)
        if match is None or (match[1] and match[0] not in _LETTERS):
            raise Refused(node, f"the pattern {text}: {', '.join(_LETTERS)} and plain text in '…' are known in it")
        piece = (match[2] or "").replace("''", "'") or match[0]
        known = _LETTERS.get(match[0])
        formats.append(known[0] if known else piece)
        shapes.append(known[1] if known else re.escape(piece))
        rest = rest[match.end() :]
    return "".join(formats), "".join(shapes)


def _formatted(node: exp.Expr, around: Surroundings) -> Typed:
    value, pattern = arguments(node, 2)
    given = around.expression(value)
    if given.type.root not in TIMES:
        raise Refused(node, f"DATE_FORMAT of {given.type}: CAST it to a TIMESTAMP")
    return Typed(f"strftime(CAST({given.sql} AS TIMESTAMP), {texted(java_pattern(pattern)[0])})", STRING)


def _parsed(kind: SqlType, default: str) -> Rule:
    """TO_TIMESTAMP and TO_DATE of a text."""

    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        value, *rest = arguments(node, 1, 2)
        text = as_text(value, around.expression(value))
        pattern, shape = java_pattern(rest[0] if rest else exp.Literal.string(default))
        if "%Y" not in pattern or "%m" not in pattern or "%d" not in pattern:
            raise Refused(node, "a pattern without year, month and day")
        found = f"try_strptime({text}, {texted(pattern)})"
        name = "DATE" if kind == DATE else "TIMESTAMP"
        # What has not the shape at all is NULL in both, what begins like it Flink may read more leniently.
        doubtful = f"{text} IS NOT NULL AND regexp_matches({text}, '[0-9]') AND {found} IS NULL"
        strict = f"CASE WHEN regexp_full_match({text}, {texted(shape)}) THEN CAST({found} AS {name}) END"
        loose = f"{doubtful} OR ({found} IS NOT NULL AND NOT regexp_full_match({text}, {texted(shape)}))"
        return Typed(unless(loose, strict, f"{node.name.upper()} of a text that does not fit its pattern"), kind)

    return rule


def _instant(node: exp.Expr, around: Surroundings) -> Typed:
    """TO_TIMESTAMP_LTZ(number, 0 or 3): seconds or milliseconds since 1970."""
    value, *rest = arguments(node, 1, 2)
    given = around.expression(value)
    digits = whole(rest[0], 0, "the precision of TO_TIMESTAMP_LTZ") if rest else 3
    if given.type.root not in INTEGERS or digits not in (0, 3):
        raise Refused(
            node, f"TO_TIMESTAMP_LTZ({given.type}, {digits}): a whole number of seconds (0) or milliseconds (3)"
        )
    factor = 1_000_000 if digits == 0 else 1_000
    moment = f"CAST(make_timestamp(CAST({given.sql} AS BIGINT) * {factor}) AS TIMESTAMPTZ)"
    return Typed(moment, SqlType("TIMESTAMP_LTZ", (3,)))


def _from_seconds(node: exp.Expr, around: Surroundings) -> Typed:
    value, *rest = arguments(node, 1, 2)
    seconds = as_whole(value, around.expression(value))
    pattern = java_pattern(rest[0] if rest else exp.Literal.string(_DEFAULT_PATTERN))[0]
    return Typed(f"strftime(make_timestamp(CAST({seconds} AS BIGINT) * 1000000), {texted(pattern)})", STRING)


def _converted(node: exp.Expr, around: Surroundings) -> Typed:
    """CONVERT_TZ(text, from, to)."""
    value, *zones = arguments(node, 3)
    text = as_text(value, around.expression(value))
    names = [literal(zone, "a zone") for zone in zones]
    for name, zone in zip(names, zones, strict=True):
        if (name != "UTC" and "/" not in name) or not _is_zone(name):
            raise Refused(zone, f"the zone {name}: UTC and names such as America/New_York are known")
    pattern, shape = java_pattern(exp.Literal.string(_DEFAULT_PATTERN))
    there = f"timezone('{names[1]}', timezone('{names[0]}', strptime({text}, {texted(pattern)})))"
    test = f"NOT regexp_full_match({text}, {texted(shape)})"
    return Typed(
        unless(test, f"strftime({there}, {texted(pattern)})", f"CONVERT_TZ of other than {_DEFAULT_PATTERN}"), STRING
    )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError):
        return False
    return True


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    "+ INTERVAL": _shifted,
    "FLOOR TO": _truncated("FLOOR"),
    "CEIL TO": _truncated("CEIL"),
    exp.Extract: _extract,
    "YEAR": _named_part("YEAR"),
    "QUARTER": _named_part("QUARTER"),
    "MONTH": _named_part("MONTH"),
    "WEEK": _named_part("WEEK"),
    "DAYOFYEAR": _named_part("DOY"),
    "DAYOFMONTH": _named_part("DAY"),
    "DAYOFWEEK": _named_part("DOW"),
    "HOUR": _named_part("HOUR"),
    "MINUTE": _named_part("MINUTE"),
    "SECOND": _named_part("SECOND"),
    "TIMESTAMPDIFF": _difference,
    "TIMESTAMPADD": _added,
    "DATE_FORMAT": _formatted,
    "TO_TIMESTAMP": _parsed(SqlType("TIMESTAMP", (3,)), _DEFAULT_PATTERN),
    "TO_DATE": _parsed(DATE, "yyyy-MM-dd"),
    "TO_TIMESTAMP_LTZ": _instant,
    "FROM_UNIXTIME": _from_seconds,
    "CONVERT_TZ": _converted,
}
