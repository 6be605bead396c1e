"""Writing whole partitions of an append table, in one commit.

pypaimon's own writer and committer are used, never its native ones: those lost commits under concurrency. Its public
`overwrite` replaces the partitions that have new rows, and leaves the old rows of one that has none any more; hence the
committer below, which is told the partitions.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.batch import Partition
from headwater.engines import ActualTable
from headwater.model import Column, Model, TableName
from headwater.problem import HeadwaterError
from resources.paimon.arrow import arrow_type
from resources.paimon.layout import table_path
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow
    from pypaimon.common.predicate import Predicate
    from pypaimon.table.file_store_table import FileStoreTable
    from pypaimon.write.commit_message import CommitMessage

_PYTHON_ONLY = {"write.native.enabled": "false", "commit.native.enabled": "false"}


class BeingWritten(HeadwaterError):
    """Another run is writing the table."""


@contextlib.contextmanager
def writing(home: Path, name: TableName, patience: float) -> Iterator[None]:
    """Be the one batch writer of a table, among all processes of this machine.

    Args:
        home: The state folder, where the lock lies.
        patience: Seconds to wait for another run.

    Raises BeingWritten, naming the other run's process, when it does not end in time.
    """
    from filelock import FileLock, Timeout

    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / f"{name}.pid"
    try:
        with FileLock(folder / f"{name}.lock", timeout=patience):
            holder.write_text(str(os.getpid()))
            yield
    except Timeout as error:
        other = holder.read_text() if holder.exists() else "unknown"
        raise BeingWritten(
            f"Another run (pid {other}) is writing {name}",
            left="nothing was written by this run",
            next_command=f"wait for it, or stop it (kill {other}), and run this again",
        ) from error


def create_table(lake: Path, model: Model) -> None:
    """Create a report's table as its model declares it, if it is not there."""
    from pypaimon import CatalogFactory, Schema

    catalog = CatalogFactory.create({"warehouse": f"file://{lake}"})
    catalog.create_database(model.name.layer.value, True)
    options = {"bucket": "-1", **dict(model.storage.options if model.storage else ())}
    schema = Schema.from_pyarrow_schema(
        declared_schema(model),
        partition_keys=list(model.partition_by),
        options=options,
        comment=model.description,
    )
    catalog.create_table(str(model.name), schema, True)


def declared_schema(model: Model) -> "pyarrow.Schema":
    """The model's columns in Arrow's terms; partition keys and required columns are NOT NULL."""
    import pyarrow

    return pyarrow.schema(
        [pyarrow.field(column.name, arrow_type(column.type), not _required(model, column)) for column in model.columns]
    )


def refuse_other_shape(table: ActualTable, model: Model) -> None:
    """Raise HeadwaterError when the table on disk is not what the model declares."""
    declared = {column.name: column.type for column in model.columns}
    actual = {column.name: column.type for column in table.columns}
    differences = [
        f"{name}: declared {declared.get(name, 'not at all')}, on disk {actual.get(name, 'not at all')}"
        for name in dict.fromkeys((*declared, *actual))
        if declared.get(name) != actual.get(name)
    ]
    if table.partition_by != model.partition_by:
        differences.append(f"partitions: declared {model.partition_by}, on disk {table.partition_by}")
    if table.key:
        differences.append(f"key: declared none, on disk {table.key}")
    if differences:
        raise HeadwaterError(
            f"The table {model.name} on disk is not the declared one: " + "; ".join(differences),
            left="nothing was written",
            next_command=f"make the declaration match, or remove the table's folder and backfill {model.name}",
        )


def replace_partitions(
    lake: Path,
    name: TableName,
    rows: "pyarrow.Table",
    keys: Sequence[str],
    partitions: Sequence[Partition],
    properties: Mapping[str, str],
) -> int:
    """Make these partitions hold exactly these rows, in one commit; give the new snapshot's id.

    A partition without rows becomes empty. The same call again leaves the same rows. The caller holds `writing`.

    Args:
        rows: With the table's columns and types; every row belongs to one of the partitions.
        keys: The table's two partition columns: that of the market, and that of the local date.
        properties: Kept in the snapshot.
    """
    from pypaimon import CatalogFactory
    from pypaimon.table.file_store_table import FileStoreTable

    catalog = CatalogFactory.create({"warehouse": f"file://{lake}"})
    table = catalog.get_table(str(name))
    if not isinstance(table, FileStoreTable):
        raise HeadwaterError(f"{name} is not a table of data files", next_command="headwater plan")
    table = table.copy(_PYTHON_ONLY)
    builder = table.new_batch_write_builder().overwrite()
    write = builder.new_write()
    try:
        if rows.num_rows:
            write.write_arrow(rows)
        messages = [message for message in write.prepare_commit() if not message.is_empty()]
    finally:
        write.close()
    return _commit(table, builder.commit_user, keys, partitions, messages, properties)


def _commit(
    table: "FileStoreTable",
    user: str,
    keys: Sequence[str],
    partitions: Sequence[Partition],
    messages: "Sequence[CommitMessage]",
    properties: Mapping[str, str],
) -> int:
    from pypaimon.common.predicate_builder import PredicateBuilder
    from pypaimon.snapshot.snapshot import BATCH_COMMIT_IDENTIFIER
    from pypaimon.write.commit_callback import CommitCallback, CommitCallbackContext
    from pypaimon.write.file_store_commit import FileStoreCommit

    committed: list[int] = []

    class Remember(CommitCallback):
        def call(self, context: CommitCallbackContext) -> None:
            committed.append(context.snapshot.id)

        def close(self) -> None:
            pass

    class PartitionsCommit(FileStoreCommit):
        """`FileStoreCommit.overwrite` with the partitions given, not taken from the new files."""

        def replace(self, partition_filter: "Predicate | None") -> None:
            self._try_commit(
                commit_kind="OVERWRITE",
                commit_identifier=BATCH_COMMIT_IDENTIFIER,
                commit_entries_plan=self._overwrite_changes_provider(partition_filter, list(messages)).provide,
                changelog_entries=[],
                detect_conflicts=True,
                allow_rollback=False,
                index_deletes=[],
                index_adds=[],
                snapshot_properties=dict(properties),
                allow_empty_commit=True,
            )

    builder = PredicateBuilder(table.partition_keys_fields)
    alternatives = []
    for part in partitions:
        both = [builder.equal(key, value) for key, value in zip(keys, (part.market, part.local_date), strict=True)]
        one = builder.and_predicates(both)
        assert one is not None
        alternatives.append(one)
    publisher = table.new_snapshot_commit()
    assert publisher is not None
    commit = PartitionsCommit(publisher, table, user, commit_callbacks=[Remember()])
    try:
        commit.replace(builder.or_predicates(alternatives))
    finally:
        commit.close()
    return committed[-1]


def ensure_table(lake: Path, model: Model) -> None:
    """Create the report's table if it is missing. Raises HeadwaterError when the one on disk is another."""
    store = FilesystemTableStore(lake)
    table = store.table(model.name)
    if table is None:
        Path(table_path(lake, model.name)).parent.mkdir(parents=True, exist_ok=True)
        create_table(lake, model)
        return
    refuse_other_shape(table, model)


def _required(model: Model, column: Column) -> bool:
    return column.required or column.name in model.partition_by


def upsert(lake: Path, model: Model, rows: "Callable[[pyarrow.Schema], pyarrow.Table]") -> None:
    """Write rows into a table with a key, made if it is not there: each takes the place of the row of its key.

    The caller holds `writing`: nobody else writes the table.

    Args:
        rows: Gives the rows, when told the columns and types that the table has.
    """
    from pypaimon import CatalogFactory, Schema
    from pypaimon.table.file_store_table import FileStoreTable

    catalog = CatalogFactory.create({"warehouse": f"file://{lake}"})
    catalog.create_database(model.name.layer.value, True)
    schema = declared_schema(model)
    made = Schema.from_pyarrow_schema(
        schema, primary_keys=list(model.key), options={"bucket": "1"}, comment=model.description
    )
    catalog.create_table(str(model.name), made, True)
    table = catalog.get_table(str(model.name))
    if not isinstance(table, FileStoreTable):
        raise HeadwaterError(f"{model.name} is not a table of data files", next_command="headwater plan")
    builder = table.copy(_PYTHON_ONLY).new_batch_write_builder()
    write, commit = builder.new_write(), builder.new_commit()
    try:
        write.write_arrow(rows(schema))
        commit.commit(write.prepare_commit())
    finally:
        write.close()
        commit.close()
