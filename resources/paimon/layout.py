"""Where Paimon's file system catalog keeps a table's files.

The layout is https://paimon.apache.org/docs/master/concepts/spec/overview/: `<lake>/<database>.db/<table>/` with
`schema/schema-N`, `snapshot/{LATEST,EARLIEST,snapshot-N}`, `tag/tag-NAME` and `manifest/`.
"""

from typing import Any

import orjson

from headwater.model import Layer, TableName
from headwater.problem import HeadwaterError
from resources.paimon.lakefiles import LOCAL, Lake, LakeFiles, files_of


def table_path(lake: Lake, name: TableName) -> str:
    """The table's folder; a plain string, because one sweep asks for thousands."""
    return f"{lake}/{name.layer.value}.db/{name.table}"


def numbered(folder: str, prefix: str, files: LakeFiles = LOCAL) -> list[int]:
    """The numbers N of the files `<prefix>N` in a folder, ascending; empty when the folder does not exist."""
    skip = len(prefix)
    names = files.names(folder)
    return sorted(int(name[skip:]) for name in names if name.startswith(prefix) and name[skip:].isdigit())


def newest_schema(lake: Lake, name: TableName) -> dict[str, Any] | None:
    """The table's newest schema file as Paimon wrote it, or None when there is no such table."""
    files = files_of(lake)
    folder = f"{table_path(lake, name)}/schema"
    for number in reversed(numbered(folder, "schema-", files)):
        content = files.read(f"{folder}/schema-{number}")
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


def tables(lake: Lake) -> tuple[TableName, ...]:
    """Every table of the lake in a layer that the platform knows, ordered."""
    layers = {f"{layer.value}.db": layer for layer in Layer}
    found = files_of(lake).tables(str(lake), tuple(layers))
    return tuple(sorted(TableName(layers[database], table) for database, table in found))
