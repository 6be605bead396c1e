"""Tables as a test says they lie on disk."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from headwater.compile.storage import table_options
from headwater.engines import ActualColumn, ActualTable, Commit, Snapshot
from headwater.model import Model, TableName


def on_disk(
    model: Model,
    *,
    columns: tuple[ActualColumn, ...] | None = None,
    key: tuple[str, ...] | None = None,
    partition_by: tuple[str, ...] | None = None,
    options: Mapping[str, str] | None = None,
) -> ActualTable:
    """The table just as its model declares it, but for what is given."""
    declared = tuple(ActualColumn(column.name, column.type, not column.required) for column in model.columns)
    return ActualTable(
        model.name,
        0,
        declared if columns is None else columns,
        model.key if key is None else key,
        model.partition_by if partition_by is None else partition_by,
        table_options(model) if options is None else options,
    )


class TablesInMemory:
    """A `TableStore` of these tables."""

    def __init__(
        self,
        *tables: ActualTable,
        with_rows: Collection[TableName] = (),
        commits: Mapping[TableName, Sequence[Commit]] | None = None,
    ) -> None:
        self._tables = {table.name: table for table in tables}
        self._with_rows = with_rows
        self._commits = commits or {}

    def table(self, name: TableName) -> ActualTable | None:
        return self._tables.get(name)

    def latest_snapshot(self, name: TableName) -> Snapshot | None:
        return self.snapshot(name, 1) if name in self._with_rows else None

    def commits(self, name: TableName) -> Iterator[Commit]:
        return iter(self._commits.get(name, ()))

    def snapshot(self, name: TableName, snapshot_id: int) -> Snapshot:
        return Snapshot(snapshot_id, datetime(2026, 11, 22, tzinfo=UTC), "APPEND", None, 1, 0)
