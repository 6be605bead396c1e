"""One YAML file read into its form, with what is wrong in it said in words a person can act on."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from headwater.declaration import Form, ReportForm, SourceForm, StreamForm
from headwater.diagnostics import closest
from headwater.model import Layer
from headwater.problem import Position, Problem
from headwater.yamlfile import YamlFile, read_yaml

FORMS: dict[Layer, type[SourceForm] | type[StreamForm] | type[ReportForm]] = {
    Layer.ODS: SourceForm,
    Layer.DWD: StreamForm,
    Layer.DM: StreamForm,
    Layer.RPT: ReportForm,
}

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list, as in [a, b]",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}

FormType = TypeVar("FormType", bound=Form)


def read_form(file: Path, text: str, form: type[FormType]) -> tuple[YamlFile, FormType | None, list[Problem]]:
    """Read a file into its form. The form is None when there are problems."""
    content, problems = read_yaml(file, text)
    if problems:
        return content, None, problems
    if not isinstance(content.value, dict):
        what = "is empty" if content.value is None else "is not a mapping of keys to values"
        return content, None, [Problem(Position(file), f"this file {what}", _needed(form))]
    try:
        return content, form.model_validate(content.value), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        found = [_problem(content, form, detail) for detail in details if not _is_misspelt_below(detail, details)]
        return content, None, found


def _is_misspelt_below(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """A missing key is no news when one that is nearly the same stands there, unknown."""
    if detail["type"] != "missing":
        return False
    siblings = [d["loc"][-1] for d in details if d["type"] == "extra_forbidden" and d["loc"][:-1] == detail["loc"][:-1]]
    return any(closest(str(sibling), [str(detail["loc"][-1])]) for sibling in siblings)


def _needed(form: type[BaseModel]) -> str:
    return "It needs " + ", ".join(name for name, field in form.model_fields.items() if field.is_required()) + "."


def _problem(content: YamlFile, form: type[Form], detail: ErrorDetails) -> Problem:
    path, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        return _unknown_key(content, form, path)
    if kind == "missing":
        return Problem(content.at_key(*path[:-1]), f"{_subject(path[:-1])} lacks «{path[-1]}»", "")
    context = detail.get("ctx", {})
    if kind == "value_error":
        return Problem(content.at_value(*path), str(context["error"]), "")
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", str(context["expected"]))
        message = f"«{detail['input']}» is not one of {', '.join(words)}"
        place = content.at_key(*path[:-1]) if path[-1] == "[key]" else content.at_value(*path)
        return Problem(place, message, closest(str(detail["input"]), words))
    if kind in ("string_too_short", "too_short"):
        return Problem(content.at_value(*path), f"{_subject(path)} is empty", "")
    if kind == "greater_than_equal":
        return Problem(
            content.at_value(*path), f"{_subject(path)} is {detail['input']}; the least is {context['ge']:g}", ""
        )
    found = "nothing" if detail["input"] is None else f"«{_shown(detail['input'])}»"
    return Problem(
        content.at_value(*path), f"{_subject(path)} is {found}; it must be {_EXPECTED.get(kind, detail['msg'])}", ""
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else str(value)


def _subject(path: Sequence[str | int]) -> str:
    """What a path leads to, as a person would name it."""
    if not path:
        return "the file"
    if len(path) == 2 and path[0] in ("columns", "flows", "markets"):
        return f"{str(path[0])[:-1]} «{path[1]}»"
    return "«" + ".".join(str(part + 1) if isinstance(part, int) else part for part in path) + "»"


def _unknown_key(content: YamlFile, form: type[Form], path: Sequence[str | int]) -> Problem:
    key = str(path[-1])
    position = content.at_key(*path)
    known = _keys_at(form, path[:-1])
    meant = closest(key, known)
    if not meant and _value_at(content.value, path) in (None, ""):
        return Problem(
            position,
            f"«{key}» is read as a key, because the text before it has a comma",
            'Put a text with a comma in quotes, as in "DECIMAL(12, 2)".',
        )
    where = f" of {_subject(path[:-1])}" if len(path) > 1 else ""
    return Problem(position, f"«{key}» is not a key{where}", meant or f"Known keys: {', '.join(known)}.")


def _value_at(value: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


def _keys_at(form: type[Form], path: Sequence[str | int]) -> list[str]:
    """The keys that the mapping at this path may have."""
    schema = form.model_json_schema()
    here: Any = schema
    for part in path:
        here = _resolved(schema, here)
        properties = here.get("properties", {})
        here = properties.get(part) or here.get("additionalProperties") or here.get("items") or {}
    return list(_resolved(schema, here).get("properties", {}))


def _resolved(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for option in node.get("anyOf", ()):
        if "$ref" in option:
            node = option
    reference = node.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[-1]] if reference else node
