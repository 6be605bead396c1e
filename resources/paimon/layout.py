"""Where Paimon's file system catalog keeps a table's files.

The layout is https://paimon.apache.org/docs/master/concepts/spec/overview/: `<lake>/<database>.db/<table>/` with
`schema/schema-N`, `snapshot/{LATEST,EARLIEST,snapshot-N}`, `tag/tag-NAME` and `manifest/`.
"""

import os
from pathlib import Path
from typing import Any

import orjson

from headwater.model import Layer, TableName
from headwater.problem import HeadwaterError


def table_path(lake: Path, name: TableName) -> str:
    """The table's folder; a plain string, because one sweep asks for thousands."""
    return f"{lake}/{name.layer.value}.db/{name.table}"


def read_small(path: str) -> bytes | None:
    """A small file's bytes, or None when it does not exist."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        chunk = os.read(descriptor, 65536)
        content = chunk
        while len(chunk) == 65536:
            chunk = os.read(descriptor, 65536)
            content += chunk
        return content
    finally:
        os.close(descriptor)


def numbered(folder: str, prefix: str) -> list[int]:
    """The numbers N of the files `<prefix>N` in a folder, ascending; empty when the folder does not exist."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a sweep asks for thousands
    except (FileNotFoundError, NotADirectoryError):
        return []
    skip = len(prefix)
    return sorted(int(name[skip:]) for name in names if name.startswith(prefix) and name[skip:].isdigit())


def newest_schema(lake: Path, name: TableName) -> dict[str, Any] | None:
    """The table's newest schema file as Paimon wrote it, or None when there is no such table."""
    folder = f"{table_path(lake, name)}/schema"
    for number in reversed(numbered(folder, "schema-")):
        content = read_small(f"{folder}/schema-{number}")
        if content is not None:
            return parse_metadata(f"{folder}/schema-{number}", content)
    return None


def parse_metadata(path: str, content: bytes) -> dict[str, Any]:
    """The JSON of a schema or snapshot file. Raises HeadwaterError when the file is damaged."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise HeadwaterError(
            f"The table's metadata file {path} is not JSON: {error}",
            left="the table's other snapshots are not touched",
            next_command="restore that file from a copy, or roll the table back to an older snapshot",
        ) from error


def tables(lake: Path) -> tuple[TableName, ...]:
    """Every table of the lake in a layer that the platform knows, ordered."""
    found = []
    for layer in Layer:
        folder = lake / f"{layer.value}.db"
        if folder.is_dir():
            found += [
                TableName(layer, entry.name) for entry in os.scandir(folder) if Path(entry.path, "schema").is_dir()
            ]
    return tuple(sorted(found))
