"""YAML files as plain values, with the place of every key and value.

Scalars follow the core schema of YAML 1.2: only `true`/`false` are booleans, so a market may be called `no`,
and `01:30` or `2026-11-01` stay the text that was written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headwater.problem import Position, Problem

Path_ = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: Mapping[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file's content. Places are (line, column) from 1, by the path of keys and indices that leads there."""

    file: Path
    value: Any
    keys: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path_, tuple[int, int]] = field(default_factory=dict)

    def at_key(self, *path: str | int) -> Position:
        """Where the key (or list item) at this path stands; the nearest place that encloses it when it is missing."""
        return self._nearest(path, self.keys)

    def at_value(self, *path: str | int) -> Position:
        """Where the value at this path begins; the nearest place that encloses it when it is missing."""
        return self._nearest(path, self.values)

    def _nearest(self, path: Path_, places: dict[Path_, tuple[int, int]]) -> Position:
        while path:
            place = places.get(path) or self.keys.get(path) or self.values.get(path)
            if place:
                return Position(self.file, *place)
            path = path[:-1]
        return Position(self.file)


def read_yaml(file: Path, text: str) -> tuple[YamlFile, list[Problem]]:
    """Read one document. What cannot be read is a problem with its place; the value is then None."""
    content = YamlFile(file, None)
    problems: list[Problem] = []
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        return content, [_syntax_problem(file, error)]
    finally:
        loader.dispose()
    if node is None:
        return content, []
    value = _value(node, (), content, problems)
    return YamlFile(file, value, content.keys, content.values), problems


def _syntax_problem(file: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    position = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return Problem(
        position, f"this is not YAML: {reason}", "Check the indentation, colons and quotes here and just above."
    )


def _value(node: yaml.Node, path: Path_, content: YamlFile, problems: list[Problem]) -> Any:
    content.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, content, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), content, problems) for index, item in enumerate(node.value)]
    return _scalar(node) if isinstance(node, yaml.ScalarNode) else None


def _mapping(node: yaml.MappingNode, path: Path_, content: YamlFile, problems: list[Problem]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(Problem(Position(content.file, *place), "a key must be a plain word"))
            continue
        key = key_node.value
        if key in values:
            first = content.keys[(*path, key)]
            problems.append(
                Problem(
                    Position(content.file, *place),
                    f"«{key}» stands here a second time; the first is on line {first[0]}",
                    "Keep one of the two.",
                )
            )
            continue
        content.keys[(*path, key)] = place
        values[key] = _value(value_node, (*path, key), content, problems)
    return values


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
