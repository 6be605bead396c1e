"""A table's files, counted: all that lie below its folder, and those that its newest snapshot is made of.

The manifests are read with pypaimon, and only those of the newest snapshot: a few small files a table.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.footprint import Bucket, Footprint
from headwater.model import TableName
from resources.paimon import tags
from resources.paimon.layout import numbered, table_path

if TYPE_CHECKING:
    from pypaimon.manifest.schema.manifest_entry import ManifestEntry

_ATTEMPTS = 5


def footprint(lake: Path, name: TableName) -> Footprint | None:
    """Count a table's files. None when there is no such table.

    A stream may commit and expire meanwhile; what is counted then is right to within a commit.
    """
    root = table_path(lake, name)
    if not Path(root, "schema").is_dir():
        return None
    counted = _counted(lake, name, root)
    # A file may go because its snapshot expired between the two looks: then the second time none is missing.
    return _counted(lake, name, root) if counted.missing else counted


def _counted(lake: Path, name: TableName, root: str) -> Footprint:
    snapshot, live, entries = _newest(lake, name)
    on_disk = dict(_files(root))
    data = {file: entry.file.file_size for entry in entries for file in _names(entry)}
    live |= {file: on_disk.get(file, size) for file, size in data.items()}
    return Footprint(
        snapshot=snapshot,
        snapshots=len(numbered(f"{root}/snapshot", "snapshot-")),
        tags=tags.names(lake, name),
        files=len(on_disk),
        bytes=sum(on_disk.values()),
        live_files=len(live),
        live_bytes=sum(live.values()),
        buckets=_buckets(entries),
        missing=tuple(sorted(file for file in data if file not in on_disk)),
    )


def _names(entry: "ManifestEntry") -> tuple[str, ...]:
    return entry.file.file_name, *(entry.file.extra_files or ())


def _newest(lake: Path, name: TableName) -> tuple[int | None, dict[str, int], "list[ManifestEntry]"]:
    """The newest snapshot, its metadata files with their bytes, and its data files."""
    from pypaimon import CatalogFactory
    from pypaimon.manifest.manifest_file_manager import ManifestFileManager
    from pypaimon.manifest.manifest_list_manager import ManifestListManager
    from pypaimon.table.file_store_table import FileStoreTable

    table = CatalogFactory.create({"warehouse": f"file://{lake}"}).get_table(str(name))
    if not isinstance(table, FileStoreTable):
        return None, {}, []
    for attempt in range(_ATTEMPTS):
        newest = table.snapshot_manager().get_latest_snapshot()
        if newest is None:
            return None, {}, []
        try:
            manifests = ManifestListManager(table).read_all(newest)
            entries = ManifestFileManager(table).read_entries_parallel(manifests)
        except FileNotFoundError:
            # It expired while it was read: a newer one is there.
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        lists = {newest.base_manifest_list: newest.base_manifest_list_size}
        lists[newest.delta_manifest_list] = newest.delta_manifest_list_size
        sizes = {file: size or 0 for file, size in lists.items()}
        return newest.id, sizes | {manifest.file_name: manifest.file_size for manifest in manifests}, entries
    raise AssertionError("the last attempt returns or raises")


def _files(root: str) -> Iterator[tuple[str, int]]:
    """Every file below a folder by its name, which Paimon makes unique in a table, with its bytes."""
    folders = [root]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                continue
            try:
                yield entry.name, entry.stat().st_size
            except FileNotFoundError:
                continue


def _buckets(entries: "list[ManifestEntry]") -> tuple[Bucket, ...]:
    found: Mapping[tuple[str, int], list[Any]] = defaultdict(list)
    for entry in entries:
        found[_partition(entry), entry.bucket].append(entry.file)
    return tuple(
        Bucket(
            partition=partition,
            number=number,
            files=len(files),
            level0=sum(file.level == 0 for file in files),
            bytes=sum(file.file_size for file in files),
            largest=max(file.file_size for file in files),
        )
        for (partition, number), files in sorted(found.items())
    )


def _partition(entry: "ManifestEntry") -> str:
    fields = entry.partition.fields
    return "/".join(f"{field.name}={value}" for field, value in zip(fields, entry.partition.values, strict=True))
