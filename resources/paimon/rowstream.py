"""A Paimon table's rows as a stream, and what of them the native reader gives.

The native reader (pypaimon-rust) is called directly. pypaimon's own `TableRead` catches whatever the native reader
raises, logs a warning, and goes on in Python, 20 times slower or with other limits; here what it raises is an error.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import orjson

from headwater.engines import ActualTable
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from resources.paimon.arrow import arrow_type
from resources.paimon.lakefiles import Lake, files_of
from resources.paimon.layout import newest_schema, table_path
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow
    from pypaimon_rust.datafusion import Table

_READABLE_MERGES = ("deduplicate", "partial-update", "aggregation")
# Paimon's default of 1,024 costs more in handing batches over than in reading them.
_BATCH_ROWS = "16384"
# They choose what a scan sees; a scan here sees the pinned snapshot, whatever the table's options say.
_SCAN_OPTIONS = ("scan.", "incremental-between", "consumer-id", "consumer.")


class RowStream(ABC):
    """Rows of a table as a stream that DuckDB can open any number of times (Arrow's PyCapsule interface).

    Args:
        columns: Of those that the table has; None for all. At least one is read always, so that rows can be counted.
        at_most: Rows that a pass gives at most; `was_cut` says whether there were more.
    """

    def __init__(
        self, lake: Lake, name: TableName, columns: Sequence[str] | None = None, at_most: int | None = None
    ) -> None:
        table = FilesystemTableStore(lake).table(name)
        if table is None:
            raise HeadwaterError(f"There is no table {name} in the lake", next_command="headwater status")
        refuse_unreadable(table)
        self.lake = lake
        self.name = name
        self.rows_read = 0
        self.was_cut = False
        self.failure: HeadwaterError | None = None
        self._at_most = at_most
        self._all_types = {column.name: column.type for column in table.columns}
        self._types = _chosen(table, self._all_types, columns)

    def schema(self) -> "pyarrow.Schema":
        """The columns that a reader gives."""
        return _arrow_schema(self._types)

    def full_schema(self) -> "pyarrow.Schema":
        """All the table's columns, wanted or not."""
        return _arrow_schema(self._all_types)

    def reader(self) -> "pyarrow.RecordBatchReader":
        """A fresh pass over the rows. Nothing is opened before the first batch is asked for."""
        import pyarrow

        return pyarrow.RecordBatchReader.from_batches(self.schema(), self._batches())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator["pyarrow.RecordBatch"]:
        schema = self.schema()
        left = self._at_most
        try:
            for found in self._native_batches():
                batch = found
                if left is not None and batch.num_rows > left:
                    self.was_cut = True
                    batch = batch.slice(0, left)
                self.rows_read += batch.num_rows
                yield _conform(batch, schema)
                left = None if left is None else left - batch.num_rows
                if self.was_cut and left == 0:
                    return
        except Exception as error:
            self.failure = self._explained(error)
            raise self.failure from error

    @abstractmethod
    def _native_batches(self) -> Iterator["pyarrow.RecordBatch"]:
        """The native reader's batches, with at least the columns of `schema`."""

    @abstractmethod
    def _explained(self, error: Exception) -> HeadwaterError:
        """What a failure of the native reader means."""

    def _native_table(self, pin: Mapping[str, str]) -> "Table":
        """The table at its newest schema, so that older rows have the columns added since (as NULL).

        Args:
            pin: Options that choose what a scan sees; it sees nothing else that the table's own options say.
        """
        from pypaimon_rust.datafusion import Table

        schema = newest_schema(self.lake, self.name)
        if schema is None:
            raise RuntimeError("the table has been dropped")
        files = files_of(self.lake)
        options = {key: value for key, value in schema["options"].items() if not key.startswith(_SCAN_OPTIONS)}
        return Table.from_resolved_schema(
            files.url(table_path(self.lake, self.name)),
            orjson.dumps({**schema, "options": {**options, **pin, "read.batch-size": _BATCH_ROWS}}).decode(),
            database=self.name.layer.value,
            table=self.name.table,
            options=dict(files.native_options()),
        )


def first_line(error: Exception) -> str:
    """What an error of a reader says first; the places in Python's code, which come before, are left out."""
    lines = str(error).splitlines() or [type(error).__name__]
    if "Traceback (most recent call last)" in lines[0]:
        return next((line for line in lines[1:] if line and not line.startswith(" ")), lines[-1])
    return lines[0]


def refuse_unreadable(table: ActualTable) -> None:
    """Raise HeadwaterError, with the reason, for a table whose rows the native reader would give wrongly."""
    options = table.options
    reason = ""
    if table.key:
        merge = options.get("merge-engine", "deduplicate")
        if merge == "first-row":
            reason = "its merge engine is first-row: rows that are not compacted yet would be missing, without an error"
        elif merge not in _READABLE_MERGES:
            reason = f"its merge engine «{merge}» is not known here"
        elif options.get("bucket") == "-2":
            reason = "its bucket is postponed (-2): rows that are not compacted yet would be missing, without an error"
    if options.get("deletion-vectors.enabled", "false").lower() == "true":
        reason = "it keeps deletion vectors: rows that are not compacted yet would be missing, without an error"
    if "scan.fallback-branch" in options:
        reason = "it has scan.fallback-branch: the rows of that branch would be missing, without an error"
    if reason:
        raise HeadwaterError(
            f"{table.name} cannot be read here, because {reason}",
            next_command=f"read it with Flink's SQL client, or change that option of {table.name}",
        )


def _chosen(table: ActualTable, types: Mapping[str, SqlType], columns: Sequence[str] | None) -> dict[str, SqlType]:
    if columns is None:
        return dict(types)
    unknown = [column for column in columns if column not in types]
    if unknown:
        raise HeadwaterError(
            f"{table.name} has no column {', '.join(unknown)}; it has {', '.join(types)}",
            next_command="correct the column's name",
        )
    if columns:
        return {column: types[column] for column in columns}
    first = (*table.key, *types)[0]
    return {first: types[first]}


def _arrow_schema(types: Mapping[str, SqlType]) -> "pyarrow.Schema":
    import pyarrow

    return pyarrow.schema([(name, arrow_type(sql_type)) for name, sql_type in types.items()])


def _conform(batch: "pyarrow.RecordBatch", schema: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    """The batch with exactly these types; the native reader's field metadata and NOT NULL marks go."""
    import pyarrow

    columns = [batch.column(field.name) for field in schema]
    cast = [
        array if array.type == field.type else array.cast(field.type)
        for array, field in zip(columns, schema, strict=True)
    ]
    return pyarrow.RecordBatch.from_arrays(cast, schema=schema)
