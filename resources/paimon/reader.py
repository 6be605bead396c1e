"""Reading a Paimon table at one snapshot: exactly as Flink would, and by the fastest path that is proved to be so.

DuckDB reads the data files itself, merging in SQL where keys may occur in several of them; what is not proved to come
out as Flink gives it is left to Paimon's native reader (resources.paimon.scanplan). Which path served a read is told
with its rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from headwater.batch import Comparison, Served
from headwater.duckdb_text import quoted
from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.paimon.columns import Unreadable, duckdb_type
from resources.paimon.datafiles import Split, decoded
from resources.paimon.filescan import file_connection
from resources.paimon.lakefiles import Lake, LakeFiles, NotGiven, files_of
from resources.paimon.layout import newest_schema, parse_metadata, table_path
from resources.paimon.predicate import condition, native_filter
from resources.paimon.rowstream import RowStream, first_line
from resources.paimon.scanplan import MERGE_FROM_ROWS, ScanPlan, scan_plan
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow
    from pypaimon_rust.datafusion import ReadBuilder
    from pypaimon_rust.datafusion import Split as NativeSplit

# Of a stream: as many rows are handed over at once.
_BATCH_ROWS = 65536


def scan(
    lake: Lake,
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

    Raises HeadwaterError when the table or snapshot is missing, when the table is of a kind that would be read
    wrongly, and (from the reader itself) when a data file cannot be read.
    """
    return PinnedTable(lake, name, snapshot_id, columns, where).reader()


class PinnedTable(RowStream):
    """A table at a snapshot.

    Args:
        columns: As for every stream of rows.
        where: As for `scan`.
        tag: A tag of that snapshot, through which it stays readable after it has expired.
        at_most: As for every stream of rows.
        native_only: Leave everything to the native reader; for comparing the two.
        merge_from: Rows in all files from which on DuckDB merges.
    """

    def __init__(
        self,
        lake: Lake,
        name: TableName,
        snapshot_id: int,
        columns: Sequence[str] | None = None,
        where: Sequence[Comparison] = (),
        tag: str | None = None,
        at_most: int | None = None,
        *,
        native_only: bool = False,
        merge_from: int = MERGE_FROM_ROWS,
    ) -> None:
        super().__init__(lake, name, columns, at_most)
        if tag is None:
            FilesystemTableStore(lake).snapshot(name, snapshot_id)
        self.snapshot_id = snapshot_id
        self.tag = tag
        self._native_only = native_only
        self._merge_from = merge_from
        self._filter = native_filter(where, self._all_types)
        self._condition = condition(where, self._all_types)
        compared = [comparison.column for comparison in where if comparison.column in self._all_types]
        self._read = tuple(dict.fromkeys((*self._types, *compared)))

    @cached_property
    def plan(self) -> ScanPlan:
        """Who reads what. Raises HeadwaterError when the snapshot has expired or its metadata cannot be read."""
        try:
            schema = newest_schema(self.lake, self.name)
            assert schema is not None
            splits = self._planned()
            if self._native_only:
                files = sum(len(split.files) for split in decoded(splits, schema))
                return ScanPlan("", (), tuple(splits), Served(native=files, reason="it was asked for"))
            whole = self._decoded(splits, schema)
            return scan_plan(schema, self._schema_of, whole, self._read, self._all_types, self._merge_from)
        except Exception as error:
            explained = self.explained(error)
            self.failure: HeadwaterError | None = explained
            raise explained from error

    @property
    def is_whole(self) -> bool:
        """Every row is wanted, so that DuckDB may read the files in its own plan of the query."""
        return self._at_most is None

    @property
    def served(self) -> Served:
        """By which path the rows come. Raises as `plan` does."""
        return self.plan.served

    def relation(self, native: str) -> str:
        """The rows as DuckDB's SQL, over the files that the plan names.

        Args:
            native: The name under which `native_rows` is known to DuckDB.
        """
        parts = [self._from_files()] if self.plan.sql else []
        if self.plan.native or not parts:
            parts.append(f"SELECT {', '.join(map(self._as_declared, self._types))} FROM {native}")
        return " UNION ALL ".join(parts)

    def native_rows(self) -> RowStream:
        """What the native reader reads of the table, as a stream of its own."""
        return _NativeRows(self)

    def _from_files(self) -> str:
        where = f" WHERE {self._condition}" if self._condition else ""
        return f"SELECT {', '.join(map(quoted, self._types))} FROM ({self.plan.sql}){where}"

    def _as_declared(self, column: str) -> str:
        try:
            return f"CAST({quoted(column)} AS {duckdb_type(self._types[column])}) AS {quoted(column)}"
        except Unreadable:
            return quoted(column)

    def _native_batches(self) -> Iterator["pyarrow.RecordBatch"]:
        plan = self.plan
        if plan.sql:
            with file_connection({files_of(self.lake): plan.paths}) as connection:
                yield from connection.sql(self._from_files()).to_arrow_reader(_BATCH_ROWS)
        yield from self._batches_of(plan.native)

    def _batches_of(self, splits: "Sequence[NativeSplit]") -> Iterator["pyarrow.RecordBatch"]:
        if splits:
            yield from self._builder().new_read().read_arrow(list(splits))

    def _builder(self) -> "ReadBuilder":
        pin = {"scan.tag-name": self.tag} if self.tag else {"scan.snapshot-id": str(self.snapshot_id)}
        builder = self._native_table(pin).new_read_builder().with_projection(list(self._types))
        return builder if self._filter is None else builder.with_filter(self._filter)

    def _planned(self) -> "list[NativeSplit]":
        plan = self._builder().new_scan().plan()
        if plan.snapshot_id() != self.snapshot_id:
            raise RuntimeError(f"the scan chose snapshot {plan.snapshot_id()} instead of {self.snapshot_id}")
        return plan.splits()

    def _decoded(self, splits: "Sequence[NativeSplit]", schema: Mapping[str, Any]) -> tuple[Split, ...]:
        """The splits with their files, or without when their form is not known here."""
        try:
            return decoded(splits, schema)
        except (ValueError, TypeError, KeyError, AttributeError):
            return tuple(Split((), native) for native in splits)

    def _schema_of(self, schema_id: int) -> Mapping[str, Any]:
        return _schema_file(files_of(self.lake), f"{table_path(self.lake, self.name)}/schema/schema-{schema_id}")

    def explained(self, error: Exception) -> HeadwaterError:
        """What a failure to read the table means."""
        if isinstance(error, HeadwaterError):
            return error
        reason = first_line(error)
        try:
            if self.tag is None:
                FilesystemTableStore(self.lake).snapshot(self.name, self.snapshot_id)
        except NotGiven as lost:
            return lost
        except HeadwaterError as expired:
            return HeadwaterError(
                f"{self.name} was read too slowly: {expired.failed}",
                next_command="run it again; a report run tags its snapshots so that they stay",
            )
        return HeadwaterError(
            f"{self.name} cannot be read at snapshot {self.snapshot_id}: {reason}",
            left="nothing was written, and no row of this read was used",
            next_command=files_of(self.lake).remedy(reason),
        )

    def _explained(self, error: Exception) -> HeadwaterError:
        return self.explained(error)


class _NativeRows(RowStream):
    """What the native reader reads of a pinned table."""

    def __init__(self, table: PinnedTable) -> None:
        super().__init__(table.lake, table.name, table.schema().names)
        self._table = table

    def _native_batches(self) -> Iterator["pyarrow.RecordBatch"]:
        yield from self._table._batches_of(self._table.plan.native)

    def _explained(self, error: Exception) -> HeadwaterError:
        return self._table.explained(error)


@lru_cache(maxsize=256)
def _schema_file(files: LakeFiles, path: str) -> Mapping[str, Any]:
    """Schema files are never changed once written."""
    content = files.read(path)
    if content is None:
        raise RuntimeError(f"the schema file {path} is gone")
    return parse_metadata(path, content)
