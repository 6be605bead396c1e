"""Rows of the lake in the spelling of the simulator's truth, and how they differ from it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from headwater.model import TableName
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore

Row = Mapping[str, Any]


def rows(lake: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table at its newest snapshot; none when it has no snapshot yet."""
    name = TableName.parse(table)
    snapshot = FilesystemTableStore(lake).latest_snapshot(name)
    if snapshot is None:
        return []
    read = scan(lake, name, snapshot.id).read_all().to_pylist()
    return [{column: _spelled(value) for column, value in row.items()} for row in read]


def differences(found: Iterable[Row], expected: Iterable[Row], key: tuple[str, ...]) -> list[str]:
    """What is missing, what is too much, which column differs, in words; empty when both are equal."""
    have = _by_key(found, key)
    want = _by_key(expected, key)
    said = [f"missing {name}" for name in want.keys() - have.keys()]
    said += [f"too much {name}: {have[name]}" for name in have.keys() - want.keys()]
    for name in want.keys() & have.keys():
        for column, value in want[name].items():
            if have[name].get(column) != value:
                said.append(f"{name}.{column}: {have[name].get(column)!r} instead of {value!r}")
    return sorted(said)


def tally(found: Iterable[Row], expected: Iterable[Row], key: tuple[str, ...]) -> tuple[int, int, int]:
    """Rows that are missing, that stand twice or should not be there, and that say something else."""
    want = _by_key(expected, key)
    seen: dict[tuple[Any, ...], Row] = {}
    doubled = 0
    for row in found:
        name = tuple(row[column] for column in key)
        doubled += name in seen or name not in want
        seen[name] = row
    other = sum(
        1 for name in want.keys() & seen.keys() if any(seen[name].get(c) != value for c, value in want[name].items())
    )
    return len(want.keys() - seen.keys()), doubled, other


def _by_key(table: Iterable[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    keyed: dict[tuple[Any, ...], Row] = {}
    for row in table:
        name = tuple(row[column] for column in key)
        assert name not in keyed, f"{name} stands twice"
        keyed[name] = row
    return keyed


def _spelled(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value
