"""Arrays, maps and rows, and what can be read of JSON."""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.typed import (
    BOOLEAN,
    INT,
    NESTED,
    STRING,
    Refused,
    Rule,
    Surroundings,
    Typed,
    arguments,
    as_text,
    as_type,
    common_type,
    literal,
    unless,
    whole,
)
from headwater.duckdb_text import quoted, texted
from headwater.flinksql import JsonCall, MapLiteral
from headwater.sqltype import SqlType


def _array_type(element: SqlType) -> SqlType:
    return SqlType("ARRAY", elements=(element,))


def _list(node: exp.Expr, around: Surroundings) -> Typed:
    given = around.expression(node)
    if given.type.root != "ARRAY":
        raise Refused(node, f"an ARRAY is wanted and this is {given.type}")
    return given


def _array(node: exp.Array, around: Surroundings) -> Typed:
    parts = around.all(node.expressions)
    if not parts:
        raise Refused(node, "an ARRAY without elements")
    kind = common_type(node.expressions, [part.type for part in parts])
    return Typed(f"[{', '.join(as_type(node, part, kind) for part in parts)}]", _array_type(kind))


def _map(node: MapLiteral, around: Surroundings) -> Typed:
    parts = around.all(node.expressions)
    if not parts or len(parts) % 2:
        raise Refused(node, "MAP takes keys and values in turn")
    keys, values = parts[::2], parts[1::2]
    key = common_type([node] * len(keys), [part.type for part in keys])
    value = common_type([node] * len(values), [part.type for part in values])
    entries = ", ".join(
        f"{as_type(node, one, key)}: {as_type(node, other, value)}" for one, other in zip(keys, values, strict=True)
    )
    return Typed(f"MAP {{{entries}}}", SqlType("MAP", elements=(key, value)))


def _row(node: exp.Expr, around: Surroundings) -> Typed:
    parts = around.all(node.expressions)
    names = tuple(f"EXPR${index}" for index in range(len(parts)))
    fields = ", ".join(f"{quoted(name)} := {part.sql}" for name, part in zip(names, parts, strict=True))
    return Typed(f"struct_pack({fields})", SqlType("ROW", (), tuple(part.type for part in parts), names))


def _item(node: exp.Bracket, around: Surroundings) -> Typed:
    given = around.expression(node.this)
    (index,) = node.expressions
    if given.type.root == "ARRAY":
        return Typed(f"{given.sql}[{whole(index, 1, 'the place in an ARRAY')}]", given.type.elements[0])
    if given.type.root == "MAP":
        key = around.expression(index)
        common_type((node, node), (given.type.elements[0], key.type))
        return Typed(f"{given.sql}[{key.sql}]", given.type.elements[1])
    raise Refused(node, f"[…] of {given.type}")


def field_of(node: exp.Expr, given: Typed, name: str) -> Typed:
    """A field of a ROW. Raises Refused when it has none of that name."""
    if given.type.root != "ROW" or name not in given.type.names:
        raise Refused(node, f"{given.type} has no field {name}")
    return Typed(f"struct_extract({given.sql}, {texted(name)})", given.type.elements[given.type.names.index(name)])


def _dot(node: exp.Dot, around: Surroundings) -> Typed:
    return field_of(node, around.expression(node.this), node.expression.name)


def _cardinality(node: exp.Expr, around: Surroundings) -> Typed:
    given = around.expression(arguments(node, 1)[0])
    if given.type.root not in ("ARRAY", "MAP"):
        raise Refused(node, f"CARDINALITY of {given.type}")
    function = "len" if given.type.root == "ARRAY" else "cardinality"
    return Typed(f"CAST({function}({given.sql}) AS INTEGER)", INT)


def _element(node: exp.Expr, around: Surroundings) -> tuple[Typed, Typed]:
    """An ARRAY and a value of its elements' type, of which DuckDB knows when two are the same."""
    array, value = arguments(node, 2)
    given, wanted = _list(array, around), around.expression(value)
    kind = common_type((node, node), (given.type.elements[0], wanted.type))
    if kind.root in NESTED or (kind != given.type.elements[0] and kind.root != "STRING"):
        raise Refused(node, f"{node.name.upper()} of {given.type} and {wanted.type}")
    return given, wanted


def _contains(node: exp.Expr, around: Surroundings) -> Typed:
    given, wanted = _element(node, around)
    found = f"len(list_filter({given.sql}, lambda x: x IS NOT DISTINCT FROM {wanted.sql})) > 0"
    return Typed(f"CASE WHEN {given.sql} IS NULL THEN NULL ELSE {found} END", BOOLEAN)


def _place(node: exp.Expr, around: Surroundings) -> Typed:
    given, wanted = _element(node, around)
    at = f"COALESCE(list_position({given.sql}, {wanted.sql}), 0)"
    return Typed(f"CASE WHEN {given.sql} IS NULL OR {wanted.sql} IS NULL THEN NULL ELSE CAST({at} AS INTEGER) END", INT)


def _without(node: exp.Expr, around: Surroundings) -> Typed:
    given, wanted = _element(node, around)
    return Typed(f"list_filter({given.sql}, lambda x: x IS DISTINCT FROM {wanted.sql})", given.type)


def _distinct_elements(text: str) -> str:
    """Each element once, where it comes first; DuckDB's list_distinct leaves NULLs and the order out."""
    return f"list_filter({text}, lambda x, i: len(list_filter({text}[1:i], lambda y: y IS NOT DISTINCT FROM x)) = 1)"


def _distinct(node: exp.Expr, around: Surroundings) -> Typed:
    given = _list(arguments(node, 1)[0], around)
    return Typed(_distinct_elements(given.sql), given.type)


def _together(node: exp.Expr, around: Surroundings) -> Typed:
    """ARRAY_CONCAT and ARRAY_UNION: NULL when one of them is; DuckDB takes NULL for an empty list."""
    parts = [_list(part, around) for part in arguments(node, 2, 20)]
    if any(part.type != parts[0].type for part in parts):
        raise Refused(node, f"{node.name.upper()} of arrays of several types")
    tests = " OR ".join(f"{part.sql} IS NULL" for part in parts)
    joined = parts[0].sql
    for part in parts[1:]:
        joined = f"list_concat({joined}, {part.sql})"
    if node.name.upper() == "ARRAY_UNION":
        joined = _distinct_elements(joined)
    return Typed(f"CASE WHEN {tests} THEN NULL ELSE {joined} END", parts[0].type)


def _of_list(text: str, element: bool = False) -> Rule:
    def rule(node: exp.Expr, around: Surroundings) -> Typed:
        given = _list(arguments(node, 1)[0], around)
        if given.type.elements[0].root in NESTED:
            raise Refused(node, f"{node.name.upper()} of {given.type}")
        return Typed(text.format(given.sql), given.type.elements[0] if element else given.type)

    return rule


def _appended(node: exp.Expr, around: Surroundings) -> Typed:
    given, value = _element(node, around)
    parts = [given.sql, f"[{value.sql}]"]
    if node.name.upper() == "ARRAY_PREPEND":
        parts.reverse()
    return Typed(f"CASE WHEN {given.sql} IS NULL THEN NULL ELSE list_concat({', '.join(parts)}) END", given.type)


def _slice(node: exp.Expr, around: Surroundings) -> Typed:
    array, first, last = arguments(node, 3)
    given = _list(array, around)
    bounds = whole(first, 1, "the start of ARRAY_SLICE"), whole(last, 1, "the end of ARRAY_SLICE")
    return Typed(f"{given.sql}[{bounds[0]}:{bounds[1]}]", given.type)


def _joined(node: exp.Expr, around: Surroundings) -> Typed:
    array, separator = arguments(node, 2)
    given = _list(array, around)
    if given.type.elements[0].root not in ("STRING", "VARCHAR", "CHAR"):
        raise Refused(node, f"ARRAY_JOIN of {given.type}")
    return Typed(f"array_to_string({given.sql}, {texted(literal(separator, 'the separator of ARRAY_JOIN'))})", STRING)


def _map_of(node: exp.Expr, around: Surroundings) -> Typed:
    keys, values = (_list(part, around) for part in arguments(node, 2))
    return Typed(
        f"map({keys.sql}, {values.sql})", SqlType("MAP", elements=(keys.type.elements[0], values.type.elements[0]))
    )


_PATH = re.compile(r"\$(?:\.[A-Za-z_]\w*|\[\d+\])*")


def _path(node: exp.Expr) -> str:
    path = literal(node, "a path of JSON").strip()
    path = path.removeprefix("lax ").removeprefix("strict ").strip()
    if not _PATH.fullmatch(path):
        raise Refused(node, f"the path {path}: $.name and $[0] are known")
    return texted(path)


def _json(node: JsonCall, around: Surroundings) -> tuple[str, str]:
    if node.args.get("returning") or node.args.get("clauses"):
        raise Refused(node, f"{node.name.upper()} with RETURNING, ON EMPTY or ON ERROR")
    value, path = arguments(node, 2)
    return as_text(value, around.expression(value)), _path(path)


def _json_value(node: JsonCall, around: Surroundings) -> Typed:
    """A scalar as text; NULL for objects, arrays, what is not there and what is no JSON."""
    text, path = _json(node, around)
    kind = f"json_type({text}, {path})"
    found = unless(f"{kind} = 'DOUBLE'", f"json_extract_string({text}, {path})", "JSON_VALUE of a fraction as text")
    scalar = f"CASE WHEN {kind} IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE {found} END"
    return Typed(f"CASE WHEN json_valid({text}) THEN {scalar} END", STRING)


def _json_exists(node: JsonCall, around: Surroundings) -> Typed:
    text, path = _json(node, around)
    test = f"CASE WHEN json_valid({text}) THEN json_exists({text}, {path}) ELSE FALSE END"
    return Typed(f"CASE WHEN {text} IS NOT NULL THEN {test} END", BOOLEAN)


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {
    exp.Array: _array,
    MapLiteral: _map,
    "ROW": _row,
    exp.Tuple: _row,
    exp.Bracket: _item,
    exp.Dot: _dot,
    "CARDINALITY": _cardinality,
    "ARRAY_CONTAINS": _contains,
    "ARRAY_POSITION": _place,
    "ARRAY_REMOVE": _without,
    "ARRAY_DISTINCT": _distinct,
    "ARRAY_CONCAT": _together,
    "ARRAY_UNION": _together,
    "ARRAY_REVERSE": _of_list("list_reverse({})"),
    "ARRAY_SORT": _of_list("list_sort({}, 'ASC', 'NULLS FIRST')"),
    "ARRAY_MAX": _of_list("list_max({})", element=True),
    "ARRAY_MIN": _of_list("list_min({})", element=True),
    "ARRAY_APPEND": _appended,
    "ARRAY_PREPEND": _appended,
    "ARRAY_SLICE": _slice,
    "ARRAY_JOIN": _joined,
    "MAP_FROM_ARRAYS": _map_of,
    "JSON_VALUE": _json_value,
    "JSON_EXISTS": _json_exists,
}
