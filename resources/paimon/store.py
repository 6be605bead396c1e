"""What Paimon says about its tables, read from the small metadata files: no JVM, no data files."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from headwater.engines import ActualColumn, ActualTable, Commit, Snapshot
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType
from resources.paimon import tags
from resources.paimon.lakefiles import Lake, files_of
from resources.paimon.layout import newest_schema, numbered, parse_metadata, table_path, tables
from resources.paimon.recount import BATCH, RECOUNTS

# Java's Long.MIN_VALUE: what a job without a watermark commits.
_NO_WATERMARK = -(2**63)


class FilesystemTableStore:
    """A `headwater.engines.TableStore` over Paimon's file system catalog.

    Args:
        lake: The Paimon warehouse, `<lake>/<layer>.db/<table>`.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.files = files_of(lake)

    def tables(self) -> tuple[TableName, ...]:
        """Every table of the lake, committed to or not, ordered."""
        return tables(self.lake)

    def table(self, name: TableName) -> ActualTable | None:
        """The table at its newest schema, or None when it does not exist."""
        schema = newest_schema(self.lake, name)
        if schema is None:
            return None
        return ActualTable(
            name=name,
            schema_id=schema["id"],
            columns=tuple(_column(field) for field in schema["fields"]),
            key=tuple(schema["primaryKeys"]),
            partition_by=tuple(schema["partitionKeys"]),
            options=schema["options"],
        )

    def latest_snapshot(self, name: TableName) -> Snapshot | None:
        """The newest snapshot, or None when the table is missing or has no commit yet.

        LATEST is a hint that Paimon writes after the snapshot itself, so it may lag or be missing; as in Paimon's
        own SnapshotManager, it holds only when its snapshot exists and the one after it does not.
        """
        folder = f"{table_path(self.lake, name)}/snapshot"
        hint = self.files.read(f"{folder}/LATEST")
        if hint is not None and hint.strip().isdigit():
            number = int(hint)
            if not self.files.exists(f"{folder}/snapshot-{number + 1}"):
                content = self.files.read(f"{folder}/snapshot-{number}")
                if content is not None:
                    return _snapshot(f"{folder}/snapshot-{number}", content)
        for number in reversed(numbered(folder, "snapshot-", self.files)):
            content = self.files.read(f"{folder}/snapshot-{number}")
            if content is not None:
                return _snapshot(f"{folder}/snapshot-{number}", content)
        return None

    def snapshots(self, name: TableName) -> tuple[Snapshot, ...]:
        """Every snapshot that is kept, newest first."""
        folder = f"{table_path(self.lake, name)}/snapshot"
        paths = [f"{folder}/snapshot-{number}" for number in reversed(numbered(folder, "snapshot-", self.files))]
        contents = zip(paths, self.files.read_each(paths), strict=True)
        return tuple(_snapshot(path, content) for path, content in contents if content is not None)

    def commits(self, name: TableName) -> Iterator[Commit]:
        """What streams committed to the table, newest first, as far as snapshots have not expired."""
        folder = f"{table_path(self.lake, name)}/snapshot"
        for number in reversed(numbered(folder, "snapshot-", self.files)):
            content = self.files.read(f"{folder}/snapshot-{number}")
            if content is not None:
                fields = parse_metadata(f"{folder}/snapshot-{number}", content)
                if fields["commitIdentifier"] != BATCH:
                    recounts = RECOUNTS in (fields.get("properties") or {})
                    yield Commit(number, fields["commitIdentifier"], fields["commitUser"], recounts)

    def snapshot(self, name: TableName, snapshot_id: int) -> Snapshot:
        """A given snapshot. Raises HeadwaterError when it has expired or never was."""
        folder = f"{table_path(self.lake, name)}/snapshot"
        path = f"{folder}/snapshot-{snapshot_id}"
        content = self.files.read(path)
        if content is not None:
            return _snapshot(path, content)
        there = numbered(folder, "snapshot-", self.files)
        if not there:
            raise HeadwaterError(
                f"{name} has no snapshot {snapshot_id}: nothing has been committed to it yet",
                next_command="headwater status",
            )
        fate = "has expired" if snapshot_id < there[0] else "does not exist"
        raise HeadwaterError(
            f"Snapshot {snapshot_id} of {name} {fate}; it has {there[0]} to {there[-1]}",
            next_command=f"name one of these, or leave the number out to take {there[-1]}",
        )

    def tagged(self, name: TableName, tag: str) -> Snapshot:
        """The snapshot that a tag holds, expired or not. Raises HeadwaterError when there is no such tag."""
        folder = f"{table_path(self.lake, name)}/tag"
        content = self.files.read(f"{folder}/tag-{tag}") if "/" not in tag else None
        if content is not None:
            return _snapshot(f"{folder}/tag-{tag}", content)
        there = tags.names(self.lake, name)
        raise HeadwaterError(
            f"{name} has no tag {tag}",
            left=f"its tags are {', '.join(there)}" if there else "it has no tags",
            next_command="name one of these, a snapshot's number, or a time",
        )

    def snapshot_at(self, name: TableName, moment: datetime) -> Snapshot | None:
        """The newest snapshot committed by a moment; None when nothing has been committed at all.

        Raises HeadwaterError when the snapshots of that time have expired, or there were none yet.
        """
        kept = self.snapshots(name)
        for snapshot in kept:
            if snapshot.committed_at <= moment:
                return snapshot
        if not kept:
            return None
        raise HeadwaterError(
            f"{name} has no snapshot of {moment.astimezone(UTC).isoformat()} any more",
            left=f"its oldest one, {kept[-1].id}, was committed at {kept[-1].committed_at.isoformat()}",
            next_command="name a later time, or a tag that holds an earlier snapshot",
        )


def _snapshot(path: str, content: bytes) -> Snapshot:
    fields = parse_metadata(path, content)
    watermark = fields.get("watermark", _NO_WATERMARK)
    return Snapshot(
        id=fields["id"],
        committed_at=datetime.fromtimestamp(fields["timeMillis"] / 1000, UTC),
        kind=fields["commitKind"],
        watermark=None if watermark is None else _instant(watermark),
        rows=fields.get("totalRecordCount") or 0,
        schema_id=fields["schemaId"],
        delta_rows=fields.get("deltaRecordCount") or 0,
    )


def _instant(milliseconds: int) -> datetime | None:
    """Watermarks outside Python's years (minimum long: no watermark; maximum long: a finished source) are None."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _column(field: dict[str, Any]) -> ActualColumn:
    text, nullable = _type_text(field["type"])
    return ActualColumn(field["name"], SqlType.parse(text), nullable, field.get("description") or "")


def _type_text(written: str | dict[str, Any]) -> tuple[str, bool]:
    """A type as the schema file writes it, in Flink's spelling, and whether it takes NULL."""
    if isinstance(written, str):
        bare = written.removesuffix(" NOT NULL")
        return bare, bare == written
    root, nullable = _type_text(written["type"])
    match root:
        case "ARRAY" | "MULTISET":
            inner = _type_text(written["element"])[0]
        case "MAP":
            inner = f"{_type_text(written['key'])[0]}, {_type_text(written['value'])[0]}"
        case _:
            inner = ", ".join(f"`{field['name']}` {_type_text(field['type'])[0]}" for field in written["fields"])
    return f"{root}<{inner}>", nullable
