"""The suite as data: tables, and cases with the gaps that engines have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from headwater.model import TableName
from headwater.sqltype import SqlType

FOLDER = Path(__file__).parent
ENGINES = ("duckdb", "batch", "streaming")
SAMPLES = "dwd.samples"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the suite.

    Args:
        rows: One list of values for each row, as YAML has them.
        key: Its primary key: it holds all versions of each row.
        time: Its event time, ascending.
    """

    name: TableName
    columns: Mapping[str, SqlType]
    rows: Sequence[Sequence[Any]]
    key: tuple[str, ...] = ()
    time: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One statement.

    Args:
        kind: `expression`, `aggregate` or `query`.
        sql: An expression, or a whole SELECT.
        gaps: For each engine that cannot run it, what its error says.
        differs: For engines that give other rows than the rest, those rows.
        unstable: It gives something else at every run, so only that it runs is told.
    """

    kind: str
    group: str
    name: str
    sql: str
    gaps: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, Any] = field(default_factory=dict)
    unstable: bool = False

    def runs_on(self, engine: str) -> bool:
        """Whether the engine must run it."""
        return engine not in self.gaps


def tables() -> tuple[Table, ...]:
    """All tables."""
    read = yaml.safe_load((FOLDER / "tables.yaml").read_text())
    return tuple(
        Table(
            TableName.parse(name),
            {column: SqlType.parse(kind) for column, kind in table["columns"].items()},
            table["rows"],
            tuple(table.get("key", ())),
            table.get("time", ""),
        )
        for name, table in read.items()
    )


def cases() -> tuple[Case, ...]:
    """All cases, in the order of the files."""
    return tuple(
        case
        for kind, file in (("expression", "expressions"), ("aggregate", "aggregates"), ("query", "queries"))
        for group, items in yaml.safe_load((FOLDER / f"{file}.yaml").read_text()).items()
        for case in _cases(kind, group, items)
    )


def _cases(kind: str, group: str, items: Sequence[Any]) -> Iterator[Case]:
    for item in items:
        read: dict[str, Any] = {"sql": str(item)} if not isinstance(item, dict) else item
        gaps = {engine: read[engine] for engine in ENGINES if engine in read}
        yield Case(
            kind,
            group,
            read.get("name", read["sql"]),
            read["sql"].strip(),
            gaps,
            read.get("differs", {}),
            read.get("unstable", False),
        )


def plain(value: Any) -> Any:
    """A value of any engine in one form that compares: exact but for doubles, which keep twelve digits."""
    match value:
        case None | bool():
            return value
        case datetime():
            return value.replace(tzinfo=None).isoformat(" ", "milliseconds")
        case date():
            return value.isoformat()
        case float():
            return float(f"{value:.12g}")
        case int() | Decimal():
            return Decimal(value).normalize() if value else Decimal(0)
        case dict():
            return {str(key): plain(part) for key, part in sorted(value.items())}
        case list() | tuple():
            return [plain(part) for part in value]
    return value


def typed(value: Any, kind: SqlType) -> Any:
    """A value as Flink's gateway prints it, as what it is."""
    if value is None:
        return None
    match kind.root:
        case "DOUBLE" | "FLOAT":
            return float(value)
        case "DECIMAL":
            return Decimal(str(value))
        case "TIMESTAMP" | "TIMESTAMP_LTZ":
            return datetime.fromisoformat(str(value).removesuffix("Z"))
        case "DATE":
            return date.fromisoformat(value)
        case "ARRAY":
            return [typed(part, kind.elements[0]) for part in value]
        case "MAP":
            return {key: typed(part, kind.elements[1]) for key, part in value.items()}
        case "ROW":
            parts = value.values() if isinstance(value, dict) else value
            return [typed(part, element) for part, element in zip(parts, kind.elements, strict=True)]
    return value


def comparable(value: Any, kind: SqlType) -> Any:
    """A value of DuckDB in the form of `typed`: a struct is a row, whose fields have no names in a comparison."""
    if value is None:
        return None
    match kind.root:
        case "ROW":
            return [comparable(part, element) for part, element in zip(value.values(), kind.elements, strict=True)]
        case "ARRAY":
            return [comparable(part, kind.elements[0]) for part in value]
        case "MAP":
            return {key: comparable(part, kind.elements[1]) for key, part in value.items()}
        case "DOUBLE":
            return float(value)
    return value


def sorted_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows in an order of their own, in comparable form."""
    return sorted(([plain(value) for value in row] for row in rows), key=repr)
