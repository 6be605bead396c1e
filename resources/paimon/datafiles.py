"""What a snapshot of a table is made of: splits of data files, as the native reader plans them.

A split holds all files that may have rows of the same keys. The native planner gives it as bytes in Paimon's own wire
format (SplitSerializer), which pypaimon decodes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from pypaimon.schema.data_types import DataField
    from pypaimon_rust.datafusion import Split as NativeSplit

_ADDED = (0, 2)
"""Values of the column `_VALUE_KIND` for rows that are there: +I and +U (Paimon's RowKind)."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file.

    Args:
        path: Without a scheme on the local file system.
        schema_id: Of the schema that it was written with.
        level: In the bucket's LSM tree; files of level 0 overlap each other, those of a higher level do not.
        rows: Physical rows.
        retractions: Rows that take a row back (-U and -D); None where the writer did not count them.
        first_sequence: Smallest sequence number of its rows.
        last_sequence: Largest one.
        least_key: Of the key without the partition's columns; empty for a table without a key.
        greatest_key: Likewise.
        odd: Why it cannot be read by its rows alone, "" when it can.
    """

    path: str
    schema_id: int
    level: int
    rows: int
    retractions: int | None
    first_sequence: int
    last_sequence: int
    least_key: tuple[Any, ...] = ()
    greatest_key: tuple[Any, ...] = ()
    odd: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """Files that are read together.

    Args:
        files: All files of the keys that they have.
        native: The same for the native reader.
    """

    files: tuple[DataFile, ...]
    native: "NativeSplit"


def decoded(splits: "Iterable[NativeSplit]", schema: Mapping[str, Any]) -> tuple[Split, ...]:
    """Native splits with their files.

    Args:
        schema: The table's newest schema file.

    Raises ValueError for a split in a form that is not known here.
    """
    from pypaimon.read.split_serializer import deserialize_split_v1

    fields = {field["name"]: field for field in schema["fields"]}
    partition = _data_fields([fields[name] for name in schema["partitionKeys"]])
    key = _data_fields([fields[name] for name in schema["primaryKeys"] if name not in schema["partitionKeys"]])
    found = []
    for native in splits:
        split = deserialize_split_v1(native.serialize(), partition, key or None)
        deleted = bool(getattr(split, "data_deletion_files", None))
        files = tuple(_data_file(file, deleted) for file in split.files)
        found.append(Split(files, native))
    return tuple(found)


def _data_fields(fields: Sequence[Mapping[str, Any]]) -> "list[DataField]":
    from pypaimon.schema.data_types import DataField

    return [DataField.from_dict(dict(field)) for field in fields]


def _data_file(file: Any, deleted: bool) -> DataFile:
    odd = ""
    if deleted:
        odd = "it has deletion vectors"
    elif not file.file_name.endswith(".parquet"):
        odd = "its data is not Parquet"
    elif file.first_row_id is not None or file.write_cols is not None:
        odd = "its rows are spread over files"
    elif any(character in file.file_path for character in "*?["):
        odd = "its path would be taken for a pattern"
    return DataFile(
        path=file.file_path.removeprefix("file://").removeprefix("file:"),
        schema_id=file.schema_id,
        level=file.level,
        rows=file.row_count,
        retractions=file.delete_row_count,
        first_sequence=file.min_sequence_number,
        last_sequence=file.max_sequence_number,
        least_key=tuple(file.min_key.values) if file.min_key else (),
        greatest_key=tuple(file.max_key.values) if file.max_key else (),
        odd=odd,
    )


def bare_type(field: Mapping[str, Any]) -> Any:
    """A field's type without its nullability, to be compared."""
    kind = field["type"]
    return kind.removesuffix(" NOT NULL") if isinstance(kind, str) else orjson.dumps(kind, option=orjson.OPT_SORT_KEYS)
