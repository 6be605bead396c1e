"""What was changed in a table between two snapshots, read from its changelog or its added files alone.

The native reader plans the files of all snapshots in between at once. A changelog is in step with the table only at
some snapshots: with `changelog-producer` lookup, what one commit (APPEND) adds comes into the changelog with the
compaction (COMPACT) that follows it, so rows read at such an APPEND would come a second time in the changelog after it.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.engines import ActualTable, Snapshot
from headwater.model import ChangelogProducer, TableName
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from resources.paimon.layout import numbered, table_path
from resources.paimon.rowstream import RowStream, first_line
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow

KIND = "rowkind"
"""The column of a row's kind, before the table's: `+I` and `+U` rows came, `-U` and `-D` rows went."""


class ChangedRows(RowStream):
    """Rows that came into a table after one snapshot and up to another, and those that went, with the column `KIND`.

    Args:
        after: The snapshot that the changes begin behind.
        until: The last one whose changes count.
        columns: As for every stream of rows.
        at_most: As for every stream of rows.

    Both snapshots must be in step (`in_step`), and `why_not_by_changes` must say nothing.
    """

    def __init__(
        self,
        lake: Path,
        name: TableName,
        after: int,
        until: int,
        columns: Sequence[str] | None = None,
        at_most: int | None = None,
    ) -> None:
        super().__init__(lake, name, columns, at_most)
        table = FilesystemTableStore(lake).table(name)
        self.after = after
        self.until = until
        self._mode = "changelog" if table and table.key else "delta"
        self._columns = list(self._types)
        self._types = {KIND: SqlType("STRING"), **self._types}

    def _native_batches(self) -> Iterator["pyarrow.RecordBatch"]:
        builder = self._native_table({}).new_read_builder().with_projection(self._columns).with_include_row_kind(True)
        plan = builder.new_incremental_scan(self.after, self.until, self._mode).plan()
        yield from builder.new_read().read_arrow(plan.splits())

    def _explained(self, error: Exception) -> HeadwaterError:
        return HeadwaterError(
            f"The changes of {self.name} after snapshot {self.after} to {self.until} cannot be read:"
            f" {first_line(error)}",
            left="nothing was written, and no row of this read was used",
            next_command="run it again with --whole, which reads the newest snapshot alone",
        )


def in_step(store: FilesystemTableStore, table: ActualTable) -> Snapshot | None:
    """The newest snapshot at which a table is what its changelog makes of it; the newest of all when there is none.

    None when nothing has been committed.
    """
    newest = store.latest_snapshot(table.name)
    if newest is None or _producer(table) is not ChangelogProducer.LOOKUP:
        return newest
    found = None
    for snapshot in _from_newest(store, table.name):
        found = found or snapshot
        if snapshot.kind == "COMPACT":
            return found
        if snapshot.kind == "APPEND" and snapshot.delta_rows:
            found = None
    return found or newest


def is_in_step(store: FilesystemTableStore, table: ActualTable, snapshot_id: int) -> bool:
    """Changes can be counted from this snapshot on."""
    if _producer(table) is not ChangelogProducer.LOOKUP:
        return True
    for snapshot in _from_newest(store, table.name, snapshot_id):
        if snapshot.kind == "COMPACT" or (snapshot.kind == "APPEND" and snapshot.delta_rows):
            return snapshot.kind == "COMPACT"
    return True


def why_not_by_changes(
    store: FilesystemTableStore, table: ActualTable, after: int, committed_at: datetime, until: int
) -> str:
    """Why what was changed between two snapshots cannot be read by itself; "" when it can.

    Args:
        committed_at: When `after` was committed, as it was seen then: another table or state may have its number now.
    """
    if table.key and _producer(table) is ChangelogProducer.NONE:
        return "the table keeps no changelog"
    if after > until:
        return f"the table was taken back from snapshot {after}"
    for number in range(after, until + 1):
        try:
            snapshot = store.snapshot(table.name, number)
        except HeadwaterError:
            return f"snapshot {number} has expired"
        if number == after and snapshot.committed_at != committed_at:
            return f"snapshot {number} is another one than before"
        if number > after and snapshot.kind == "OVERWRITE":
            return f"snapshot {number} replaced rows"
    return "" if is_in_step(store, table, after) else f"snapshot {after} is ahead of the changelog"


def _from_newest(store: FilesystemTableStore, name: TableName, newest: int | None = None) -> Iterator[Snapshot]:
    """The snapshots that are there, up to one of them, newest first."""
    for number in reversed(numbered(f"{table_path(store.lake, name)}/snapshot", "snapshot-", store.files)):
        if newest is None or number <= newest:
            try:
                yield store.snapshot(name, number)
            except HeadwaterError:  # expired since it was listed, as all before it
                return


def _producer(table: ActualTable) -> ChangelogProducer | None:
    """Where a key table's changelog comes from; None for a table without a key, whose rows are only added."""
    if not table.key:
        return None
    written = table.options.get("changelog-producer", "none")
    return ChangelogProducer(written) if written in set(ChangelogProducer) else ChangelogProducer.NONE
