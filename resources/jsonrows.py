"""Rows in JSON's terms, without a digit lost: what `headwater query --json` prints and `POST /query` answers."""

from collections.abc import Sequence
from datetime import UTC, datetime


def json_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[dict[str, object]]:
    """A row as an object. A repeated column is numbered from its second time on: a, a_2."""
    names = _distinct(columns)
    return [{name: json_value(value) for name, value in zip(names, row, strict=True)} for row in rows]


def json_value(value: object) -> object:
    """The value: an instant as ISO 8601 in UTC, a DECIMAL as a string, bytes as hexadecimal digits."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else str(value)
        case datetime():
            return json_instant(value) if value.tzinfo else value.isoformat()
        case bytes():
            return value.hex()
        case list() | tuple():
            return [json_value(item) for item in value]
        case dict():
            return {str(key): json_value(item) for key, item in value.items()}
        case _:
            return str(value)


def json_instant(instant: datetime) -> str:
    """ISO 8601 in UTC, with Z."""
    text = instant.astimezone(UTC).isoformat(timespec="microseconds" if instant.microsecond % 1000 else "milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _distinct(columns: Sequence[str]) -> list[str]:
    names: list[str] = []
    for column in columns:
        name, count = column, 1
        while name in names:
            count += 1
            name = f"{column}_{count}"
        names.append(name)
    return names
