"""Flink SQL types as values.

Spellings, aliases and defaults: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/types/
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

MAX_LENGTH = 2147483647
MAX_PRECISION = 38

_ALIASES = {"INTEGER": "INT", "NUMERIC": "DECIMAL", "DEC": "DECIMAL"}

# For each type without elements, of each argument: its default, least and greatest value. VARCHAR alone is STRING to
# Flink's SQL parser, although its type page says VARCHAR(1).
_ARGUMENTS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "STRING": (),
    "CHAR": ((1, 1, MAX_LENGTH),),
    "VARCHAR": ((MAX_LENGTH, 1, MAX_LENGTH),),
    "BOOLEAN": (),
    "TINYINT": (),
    "SMALLINT": (),
    "INT": (),
    "BIGINT": (),
    "FLOAT": (),
    "DOUBLE": (),
    "DECIMAL": ((10, 1, MAX_PRECISION), (0, 0, MAX_PRECISION)),
    "DATE": (),
    "TIME": ((0, 0, 9),),
    "TIMESTAMP": ((6, 0, 9),),
    "TIMESTAMP_LTZ": ((6, 0, 9),),
    "BYTES": (),
    "BINARY": ((1, 1, MAX_LENGTH),),
    "VARBINARY": ((MAX_LENGTH, 1, MAX_LENGTH),),
}
_ELEMENT_COUNTS = {"ARRAY": 1, "MULTISET": 1, "MAP": 2}
_UNBOUNDED: dict[tuple[str, tuple[int, ...]], str] = {
    ("VARCHAR", (MAX_LENGTH,)): "STRING",
    ("VARBINARY", (MAX_LENGTH,)): "BYTES",
}

ROOTS = (*_ARGUMENTS, *_ELEMENT_COUNTS, "ROW")


@dataclass(frozen=True, slots=True)
class SqlType:
    """A Flink SQL type without its nullability: `DECIMAL(12, 2)`, `TIMESTAMP_LTZ(3)`, `ARRAY<STRING>`.

    Args:
        root: The type's name in Flink's canonical spelling, upper case (STRING, INT, DECIMAL, TIMESTAMP_LTZ, …).
            Two roots are types of expressions only, never of columns: NULL and INTERVAL.
        arguments: Length, or precision and scale.
        elements: Element types of ARRAY, MAP, MULTISET, ROW.
        names: Field names of a ROW.
    """

    root: str
    arguments: tuple[int, ...] = ()
    elements: tuple["SqlType", ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a type as Flink spells it. Raises ValueError, with a reason a person can read, when it is not one.

        Aliases become canonical: INTEGER → INT, `TIMESTAMP(3) WITH LOCAL TIME ZONE` → TIMESTAMP_LTZ(3),
        VARCHAR(2147483647) → STRING. Arguments left out take Flink's defaults: DECIMAL → DECIMAL(10, 0).
        """
        return _parse(text)  # type: ignore[return-value]

    def __str__(self) -> str:
        if self.root == "ROW":
            fields = (f"{_quoted(name)} {element}" for name, element in zip(self.names, self.elements, strict=True))
            return f"ROW<{', '.join(fields)}>"
        if self.elements:
            return f"{self.root}<{', '.join(map(str, self.elements))}>"
        if self.arguments:
            return f"{self.root}({', '.join(map(str, self.arguments))})"
        return self.root

    @property
    def precision(self) -> int:
        """Digits of a DECIMAL, or fractional digits of a time type's seconds. Raises IndexError for other types."""
        return self.arguments[0]

    @property
    def scale(self) -> int:
        """Digits after the point of a DECIMAL. Raises IndexError for other types."""
        return self.arguments[1]


NULL = SqlType("NULL")
INTERVAL = SqlType("INTERVAL")


@lru_cache(maxsize=4096)
def _parse(text: str) -> SqlType:
    reader = _Reader(text)
    parsed = reader.type()
    if reader.peek() == "NOT":
        raise ValueError(f"«{text}» says NOT NULL; a column says that by `required: true`")
    if reader.peek():
        raise ValueError(f"«{text}» goes on after {parsed}: «{reader.peek()}»")
    return parsed


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


class _Reader:
    """Reads one type, token by token. Words are upper-cased, except names of fields."""

    _TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|`((?:[^`]|``)+)`|(\d+)|([(),<>])|('(?:[^']|'')*'))")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.raw: list[str] = []
        self.at = 0
        place, end = 0, len(text.rstrip())
        while place < end:
            match = self._TOKEN.match(text, place)
            if match is None:
                raise ValueError(f"«{text}» is not a type: «{text[place:].strip()[0]}» is not expected there")
            word, quoted, number, mark, comment = match.groups()
            self.tokens.append((word or "").upper() or number or mark or comment or "`")
            self.raw.append(quoted.replace("``", "`") if quoted else word or "")
            place = match.end()

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> bool:
        """Step over these tokens if all of them come next."""
        if tuple(self.tokens[self.at : self.at + len(expected)]) != expected:
            return False
        self.at += len(expected)
        return True

    def need(self, mark: str) -> None:
        if not self.take(mark):
            found = f"«{self.peek()}»" if self.peek() else "its end"
            raise ValueError(f"«{self.text}» is not a type: «{mark}» is expected before {found}")

    def type(self) -> SqlType:
        root = self.peek()
        self.at += 1
        root = _ALIASES.get(root, root)
        if root == "ROW":
            parsed = self._row()
        elif root in _ELEMENT_COUNTS:
            parsed = self._collection(root)
        elif root in _ARGUMENTS:
            parsed = self._plain(root)
        else:
            raise ValueError(f"«{self.text}» is not a type that Flink knows")
        while self.take("ARRAY"):
            parsed = SqlType("ARRAY", elements=(parsed,))
        return parsed

    def _element(self) -> SqlType:
        parsed = self.type()
        if not self.take("NOT", "NULL"):
            self.take("NULL")
        return parsed

    def _collection(self, root: str) -> SqlType:
        self.need("<")
        elements = [self._element()]
        for _ in range(_ELEMENT_COUNTS[root] - 1):
            self.need(",")
            elements.append(self._element())
        self.need(">")
        return SqlType(root, elements=tuple(elements))

    def _row(self) -> SqlType:
        closing = ")" if self.take("(") else ">"
        if closing == ">":
            self.need("<")
        names: list[str] = []
        elements: list[SqlType] = []
        while True:
            name = self.raw[self.at] if self.at < len(self.raw) else ""
            if not name:
                raise ValueError(f"«{self.text}» is not a type: a ROW needs a name before each field's type")
            self.at += 1
            names.append(name)
            elements.append(self._element())
            if self.peek().startswith("'"):
                self.at += 1
            if not self.take(","):
                break
        self.need(closing)
        if len(set(names)) < len(names):
            raise ValueError(f"«{self.text}» names a field twice")
        return SqlType("ROW", elements=tuple(elements), names=tuple(names))

    def _plain(self, root: str) -> SqlType:
        if root == "DOUBLE":
            self.take("PRECISION")
        given = self._numbers()
        if root == "TIMESTAMP" and self.take("WITH", "LOCAL", "TIME", "ZONE"):
            root = "TIMESTAMP_LTZ"
        elif root in ("TIMESTAMP", "TIME"):
            self.take("WITHOUT", "TIME", "ZONE")
        allowed = _ARGUMENTS[root]
        if len(given) > len(allowed):
            most = f"at most {len(allowed)}" if allowed else "no"
            raise ValueError(f"«{self.text}» is not a type: {root} takes {most} argument{'s' * (len(allowed) > 1)}")
        values = tuple(given) + tuple(default for default, _, _ in allowed[len(given) :])
        for value, (_, least, greatest) in zip(values, allowed, strict=True):
            if not least <= value <= greatest:
                raise ValueError(f"«{self.text}» is not a type: {value} is outside {least} to {greatest}")
        if root == "DECIMAL" and values[1] > values[0]:
            raise ValueError(f"«{self.text}» is not a type: the scale {values[1]} exceeds the precision {values[0]}")
        unbounded = _UNBOUNDED.get((root, values))
        return SqlType(unbounded) if unbounded else SqlType(root, values)

    def _numbers(self) -> list[int]:
        numbers: list[int] = []
        if not self.take("("):
            return numbers
        while True:
            if not self.peek().isdigit():
                raise ValueError(f"«{self.text}» is not a type: a number is expected in its parentheses")
            numbers.append(int(self.peek()))
            self.at += 1
            if not self.take(","):
                break
        self.need(")")
        return numbers
