"""Expressions of a compiled plan: put in one form, so that two that mean the same are equal, and shown to people.

Flink writes them as JSON trees of INPUT_REF, LITERAL and CALL nodes. Pure functions over those trees.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Expression = Any
"""A JSON tree. A reference to an input's column is `{"kind": "INPUT_REF", "inputIndex": n, "type": …}`."""

_REF = "INPUT_REF"
_FIELD_NAME = re.compile(r"`(?:[^`]|``)*` ")
_COMMUTATIVE = frozenset({"$AND$1", "$OR$1", "$+$1", "$*$1", "$=$1", "$<>$1"})
_NESTED = frozenset({"$AND$1", "$OR$1"})
_MIRRORED = {"$>$1": "$<$1", "$>=$1": "$<=$1"}
_INFIX = frozenset(["=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "AND", "OR", "LIKE"])
_COMPARISONS = frozenset({"$=$1", "$<>$1", "$<$1", "$<=$1"})
_VERSION = re.compile(r"^\$(.*)\$\d+$")


def as_text(value: Any) -> str:
    """A JSON tree as text for comparing: equal trees give equal texts."""
    return json.dumps(value, sort_keys=True)


def reference(index: int, type_: Any = None) -> Expression:
    """A reference to a column of the input."""
    return {"kind": _REF, "inputIndex": index, "type": type_}


def normal(expression: Expression) -> Expression:
    """The expression in its one form: names out of types, operands sorted where their order says nothing."""
    if isinstance(expression, list):
        return [normal(part) for part in expression]
    if not isinstance(expression, dict):
        return expression
    parts = {
        key: plain_type(value) if key == "type" and expression.get("kind") else normal(value)
        for key, value in expression.items()
        if key != "syntax"
    }
    return _call(parts) if parts.get("kind") == "CALL" else parts


def substituted(expression: Expression, columns: Callable[[Expression], Expression]) -> Expression:
    """The expression with every reference replaced by what its column is made of, in its one form again."""
    return normal(_replaced(expression, columns))


def is_reference(expression: Expression) -> bool:
    """A column as it is."""
    return expression.get("kind") == _REF


def references(expressions: Any) -> frozenset[Any]:
    """The columns that expressions refer to, as their `inputIndex`."""
    if isinstance(expressions, list):
        return frozenset().union(*map(references, expressions))
    if not isinstance(expressions, dict):
        return frozenset()
    if is_reference(expressions):
        return frozenset({expressions["inputIndex"]})
    return references(list(expressions.values()))


def implied(conditions: Sequence[Expression]) -> dict[str, Expression]:
    """The conditions, and that a column is not NULL where a comparison says so already, by their text.

    Flink's optimizer leaves out what another condition implies, so it comes and goes with that.
    """
    found = {as_text(condition): condition for condition in conditions}
    for condition in conditions:
        for column in _compared(condition):
            is_there = {
                "kind": "CALL",
                "internalName": "$IS NOT NULL$1",
                "operands": [column],
                "type": "BOOLEAN NOT NULL",
            }
            found.setdefault(as_text(is_there), is_there)
    return found


def _compared(condition: Expression) -> list[Expression]:
    """The columns that a comparison needs a value of."""
    name, operands = condition.get("internalName"), condition.get("operands", [])
    if name == "$SEARCH$1":
        sarg = operands[1].get("sarg", {})
        return [operands[0]] if sarg.get("nullAs") == "FALSE" and is_reference(operands[0]) else []
    return [operand for operand in operands if is_reference(operand)] if name in _COMPARISONS else []


def plain_type(type_: Any) -> Any:
    """A type without the names of its fields, and without the mark of a time attribute: neither is in the state."""
    if isinstance(type_, str):
        return _FIELD_NAME.sub("", type_)
    if isinstance(type_, dict) and type_.get("kind") in ("ROWTIME", "PROCTIME"):
        family = "TIMESTAMP({}) WITH LOCAL TIME ZONE" if "LOCAL" in type_["type"] else "TIMESTAMP({})"
        return family.format(type_["precision"]) + ("" if type_.get("nullable", True) else " NOT NULL")
    if isinstance(type_, dict) and type_.get("type") == "ROW" and "fields" in type_:
        fields = ", ".join(str(plain_type(field["fieldType"])) for field in type_["fields"])
        return f"ROW<{fields}>" + ("" if type_.get("nullable", True) else " NOT NULL")
    return type_


def field_names(type_: Any) -> tuple[str, ...]:
    """The names of a row type's fields."""
    if isinstance(type_, dict):
        return tuple(field["name"] for field in type_["fields"])
    return tuple(name for name, _ in _fields(type_))


def field_types(type_: Any) -> tuple[Any, ...]:
    """The types of a row type's fields, without the names inside them."""
    if isinstance(type_, dict):
        return tuple(plain_type(field["fieldType"]) for field in type_["fields"])
    return tuple(plain_type(inner) for _, inner in _fields(type_))


def shown(expression: Expression, names: Mapping[str, str]) -> str:
    """The expression in a form that people read, its references by these names where they have one."""
    kind = expression.get("kind")
    if kind == _REF:
        return names.get(expression["inputIndex"], str(expression["inputIndex"]))
    if kind == "LITERAL":
        return _literal(expression)
    if kind == "FIELD_ACCESS":
        return f"{shown(expression['expr'], names)}.{expression.get('name', '?')}"
    return _shown_call(expression, [shown(operand, names) for operand in expression.get("operands", [])])


def _shown_call(call: Expression, operands: list[str]) -> str:
    name = _function(call)
    if name in _INFIX and len(operands) > 1:
        return "(" + f" {name} ".join(operands) + ")"
    if name in ("IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT TRUE"):
        return f"{operands[0]} {name}"
    if name in ("CAST", "TRY_CAST"):
        return f"{name}({operands[0]} AS {_short_type(call.get('type'))})"
    return f"{name}({', '.join(operands)})"


def _function(call: Expression) -> str:
    name = str(call.get("internalName") or call.get("systemName") or call.get("catalogName") or call.get("kind"))
    found = _VERSION.match(name)
    return found[1] if found else name


def _literal(literal: Expression) -> str:
    value = literal.get("value")
    if "sarg" in literal:
        return json.dumps(literal["sarg"].get("ranges", literal["sarg"]))
    if value is None:
        return "NULL"
    return f"'{value}'" if str(literal.get("type")).startswith(("CHAR", "VARCHAR")) else str(value)


def _short_type(type_: Any) -> str:
    return str(type_).replace(" NOT NULL", "").replace("VARCHAR(2147483647)", "STRING")


def _call(call: Expression) -> Expression:
    name = call.get("internalName")
    operands = call.get("operands", [])
    if name in _MIRRORED and len(operands) == 2:
        return call | {"internalName": _MIRRORED[name], "operands": operands[::-1]}
    if name in _NESTED:
        operands = [
            inner
            for operand in operands
            for inner in (operand["operands"] if operand.get("internalName") == name else [operand])
        ]
    if name in _COMMUTATIVE:
        operands = sorted(operands, key=as_text)
    return call | {"operands": operands}


def _replaced(expression: Expression, columns: Callable[[Expression], Expression]) -> Expression:
    if isinstance(expression, list):
        return [_replaced(part, columns) for part in expression]
    if not isinstance(expression, dict):
        return expression
    if expression.get("kind") == _REF:
        return columns(expression)
    return {key: _replaced(value, columns) for key, value in expression.items()}


def _fields(text: str) -> list[tuple[str, str]]:
    """Split `ROW<`a` INT, `b` ROW<`c` INT>>` at the commas of its own level."""
    inner = text[text.index("<") + 1 : text.rindex(">")]
    fields, depth, start, quoted = [], 0, 0, False
    for position, letter in enumerate(f"{inner},"):
        if letter == "`":
            quoted = not quoted
        elif not quoted and letter in "<(":
            depth += 1
        elif not quoted and letter in ">)":
            depth -= 1
        elif not quoted and letter == "," and depth == 0:
            name, _, type_ = inner[start:position].strip().removeprefix("`").partition("` ")
            fields.append((name.replace("``", "`"), type_))
            start = position + 1
    return fields
