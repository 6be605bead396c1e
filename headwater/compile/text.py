"""Spelling of names and literals in Flink SQL."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from headwater.model import TableName


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


def identifiers(names: Iterable[str]) -> str:
    """Quoted identifiers, separated by commas."""
    return ", ".join(identifier(name) for name in names)


def table(name: TableName, suffix: str = "") -> str:
    """A table's quoted name, as bound in a job's session."""
    return f"{identifier(name.layer.value)}.{identifier(name.table + suffix)}"


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def options(values: Mapping[str, str]) -> str:
    """The inside of a WITH or SET clause, one option a line, in a stable order."""
    return ",\n".join(f"  {literal(key)} = {literal(value)}" for key, value in sorted(values.items()))


def duration(value: timedelta) -> str:
    """A Flink configuration value such as `1500 ms`."""
    return f"{value // timedelta(milliseconds=1)} ms"


def interval(value: timedelta) -> str:
    """An SQL interval with millisecond precision. Flink 2.0 takes at most two digits of plain seconds."""
    minutes, seconds = divmod(value / timedelta(seconds=1), 60)
    hours, minutes = divmod(int(minutes), 60)
    days, hours = divmod(hours, 24)
    return f"INTERVAL '{days} {hours:02}:{minutes:02}:{seconds:06.3f}' DAY TO SECOND(3)"


def file_uri(path: Path) -> str:
    """An absolute path as Flink and Paimon take it: never percent-encoded, which would make another folder's name."""
    return f"file://{path}"


def local_path(uri: str) -> Path:
    """The path in a `file:` URI as Flink writes it, `file:/…` or `file:///…`."""
    return Path("/" + uri.removeprefix("file:").lstrip("/"))
