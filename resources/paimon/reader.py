"""Reading a Paimon table at one snapshot, through Paimon's native reader alone.

The native reader (pypaimon-rust) is called directly. pypaimon's own `TableRead` catches whatever the native reader
raises, logs a warning, and goes on in Python, 20 times slower or with other limits; here is nothing to fall back to.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from headwater.batch import Comparison
from headwater.engines import ActualTable
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from resources.paimon.arrow import arrow_type
from resources.paimon.layout import newest_schema, table_path
from resources.paimon.predicate import native_filter
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow
    from pypaimon_rust.datafusion import Table

_READABLE_MERGES = ("deduplicate", "partial-update", "aggregation")
# Paimon's default of 1,024 costs more in handing batches over than in reading them.
_BATCH_ROWS = "16384"
# They choose what a scan sees; a scan here sees the pinned snapshot, whatever the table's options say.
_SCAN_OPTIONS = ("scan.", "incremental-between", "consumer-id", "consumer.")


def scan(
    lake: Path,
    name: TableName,
    snapshot_id: int,
    columns: Sequence[str] | None = None,
    where: Sequence[Comparison] = (),
) -> "pyarrow.RecordBatchReader":
    """Rows of a table at a snapshot, merged as Flink would merge them.

    Args:
        lake: The Paimon warehouse.
        columns: In the order wanted; None for all. Columns newer than the snapshot are NULL.
        where: Comparisons of which as many as possible are evaluated by the scan; the caller must evaluate them again.

    Raises HeadwaterError when the table or snapshot is missing, when the table is of a kind that this reader would
    read wrongly, and (from the reader itself) when a data file cannot be read.
    """
    return PinnedTable(lake, name, snapshot_id, columns, where).reader()


class RowStream(ABC):
    """Rows of a table as a stream that DuckDB can open any number of times (Arrow's PyCapsule interface).

    Args:
        columns: Of those that the table has; None for all. At least one is read always, so that rows can be counted.
        at_most: Rows that a pass gives at most; `was_cut` says whether there were more.
    """

    def __init__(
        self, lake: Path, name: TableName, columns: Sequence[str] | None = None, at_most: int | None = None
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
        options = {key: value for key, value in schema["options"].items() if not key.startswith(_SCAN_OPTIONS)}
        return Table.from_resolved_schema(
            f"file://{table_path(self.lake, self.name)}",
            orjson.dumps({**schema, "options": {**options, **pin, "read.batch-size": _BATCH_ROWS}}).decode(),
            database=self.name.layer.value,
            table=self.name.table,
        )


class PinnedTable(RowStream):
    """A table at a snapshot.

    Args:
        columns: As for every stream of rows.
        where: As for `scan`.
        tag: A tag of that snapshot, through which it stays readable after it has expired.
        at_most: As for every stream of rows.
    """

    def __init__(
        self,
        lake: Path,
        name: TableName,
        snapshot_id: int,
        columns: Sequence[str] | None = None,
        where: Sequence[Comparison] = (),
        tag: str | None = None,
        at_most: int | None = None,
    ) -> None:
        super().__init__(lake, name, columns, at_most)
        if tag is None:
            FilesystemTableStore(lake).snapshot(name, snapshot_id)
        self.snapshot_id = snapshot_id
        self.tag = tag
        self._filter = native_filter(where, self._all_types)

    def _native_batches(self) -> Iterator["pyarrow.RecordBatch"]:
        pin = {"scan.tag-name": self.tag} if self.tag else {"scan.snapshot-id": str(self.snapshot_id)}
        builder = self._native_table(pin).new_read_builder().with_projection(list(self._types))
        if self._filter is not None:
            builder = builder.with_filter(self._filter)
        plan = builder.new_scan().plan()
        if plan.snapshot_id() != self.snapshot_id:
            raise RuntimeError(f"the scan chose snapshot {plan.snapshot_id()} instead of {self.snapshot_id}")
        yield from builder.new_read().read_arrow(plan.splits())

    def _explained(self, error: Exception) -> HeadwaterError:
        reason = first_line(error)
        try:
            if self.tag is None:
                FilesystemTableStore(self.lake).snapshot(self.name, self.snapshot_id)
        except HeadwaterError as expired:
            return HeadwaterError(
                f"{self.name} was read too slowly: {expired.failed}",
                next_command="run it again; a report run tags its snapshots so that they stay",
            )
        return HeadwaterError(
            f"The native reader failed on {self.name} at snapshot {self.snapshot_id}: {reason}",
            left="nothing was written, and no row of this read was used",
            next_command="headwater doctor",
        )


def first_line(error: Exception) -> str:
    """What an error of the native reader says first."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


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
