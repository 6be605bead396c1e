"""Who has committed what into which partitions of a table, read from its snapshots and their delta manifests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headwater.model import TableName
from resources.paimon.lakefiles import read_small
from resources.paimon.layout import numbered, parse_metadata, table_path
from resources.paimon.recount import BATCH


@dataclass(frozen=True, slots=True)
class Commit:
    """One snapshot, by who made it.

    Args:
        snapshot: Its number.
        kind: APPEND, COMPACT, OVERWRITE or ANALYZE.
        user: Paimon's name of the committer.
        checkpoint: Flink's number of the checkpoint; None for a batch.
        at: When.
    """

    snapshot: int
    kind: str
    user: str
    checkpoint: int | None
    at: datetime


def commits_from_newest(lake: Path, name: TableName, after: int = 0) -> Iterator[Commit]:
    """The commits behind a snapshot, the newest first, as far as they have not expired."""
    folder = f"{table_path(lake, name)}/snapshot"
    for number in reversed(numbered(folder, "snapshot-")):
        if number <= after:
            return
        content = read_small(f"{folder}/snapshot-{number}")
        if content is None:  # expired since it was listed, as all before it
            return
        fields = parse_metadata(f"{folder}/snapshot-{number}", content)
        identifier = fields["commitIdentifier"]
        yield Commit(
            number,
            fields["commitKind"],
            fields["commitUser"],
            None if identifier == BATCH else identifier,
            datetime.fromtimestamp(fields["timeMillis"] / 1000, UTC),
        )


class Partitions:
    """Tells which partitions commits of one table have touched. A table that is not partitioned has one, `{}`."""

    def __init__(self, lake: Path, name: TableName) -> None:
        from pypaimon import CatalogFactory
        from pypaimon.table.file_store_table import FileStoreTable

        table = CatalogFactory.create({"warehouse": f"file://{lake}"}).get_table(str(name))
        if not isinstance(table, FileStoreTable):
            raise TypeError(f"{name} is not a table of data files")
        self._table = table

    def touched(self, snapshot: int) -> tuple[Mapping[str, Any], ...]:
        """The partitions in which a commit added or removed files. Raises FileNotFoundError when it has expired."""
        from pypaimon.manifest.manifest_file_manager import ManifestFileManager
        from pypaimon.manifest.manifest_list_manager import ManifestListManager

        found = self._table.snapshot_manager().get_snapshot_by_id(snapshot)
        if found is None:
            raise FileNotFoundError(f"snapshot {snapshot}")
        files = ManifestFileManager(self._table)
        partitions: dict[str, Mapping[str, Any]] = {}
        for manifest in ManifestListManager(self._table).read_delta(found):
            for entry in files.read(manifest.file_name):
                values = {
                    field.name: value
                    for field, value in zip(entry.partition.fields, entry.partition.values, strict=True)
                }
                partitions[str(values)] = values
        return tuple(partitions.values())
