import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.model import TableName
from headwater.problem import HeadwaterError
from resources.paimon.store import FilesystemTableStore

NAME = TableName.parse("dwd.orders")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "dwd.db" / "orders"
    (folder / "schema").mkdir(parents=True)
    (folder / "snapshot").mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> FilesystemTableStore:
    return FilesystemTableStore(tmp_path)


def write_snapshot(table: Path, number: int, **fields: object) -> None:
    content = {
        "version": 3,
        "id": number,
        "schemaId": 0,
        "commitKind": "APPEND",
        "timeMillis": 1795424512652,
        "totalRecordCount": 10 * number,
        "watermark": 1795424000000,
        **fields,
    }
    (table / "snapshot" / f"snapshot-{number}").write_text(json.dumps(content))


def write_schema(table: Path, number: int, fields: list[dict], **more: object) -> None:
    content = {"id": number, "fields": fields, "partitionKeys": [], "primaryKeys": [], "options": {}, **more}
    (table / "schema" / f"schema-{number}").write_text(json.dumps(content))


def test_the_newest_snapshot_is_read_in_utc(table: Path, store: FilesystemTableStore) -> None:
    write_snapshot(table, 7)
    (table / "snapshot" / "LATEST").write_text("7")
    snapshot = store.latest_snapshot(NAME)
    assert snapshot is not None
    assert (snapshot.id, snapshot.kind, snapshot.rows, snapshot.schema_id) == (7, "APPEND", 70, 0)
    assert snapshot.committed_at == datetime(2026, 11, 23, 9, 1, 52, 652000, tzinfo=UTC)
    assert snapshot.watermark == datetime(2026, 11, 23, 8, 53, 20, tzinfo=UTC)


@pytest.mark.parametrize("hint", ["7", "3", "99", "not a number", ""])
def test_a_stale_or_broken_hint_does_not_hide_the_newest_snapshot(
    table: Path, store: FilesystemTableStore, hint: str
) -> None:
    for number in (7, 8, 9, 10):
        write_snapshot(table, number)
    (table / "snapshot" / "LATEST").write_text(hint)
    snapshot = store.latest_snapshot(NAME)
    assert snapshot is not None
    assert snapshot.id == 10


def test_the_newest_snapshot_is_found_without_a_hint(table: Path, store: FilesystemTableStore) -> None:
    write_snapshot(table, 9)
    write_snapshot(table, 10)
    snapshot = store.latest_snapshot(NAME)
    assert snapshot is not None
    assert snapshot.id == 10


def test_a_table_without_commits_or_without_a_folder_has_no_snapshot(table: Path, store: FilesystemTableStore) -> None:
    assert store.latest_snapshot(NAME) is None
    assert store.latest_snapshot(TableName.parse("dwd.nothing")) is None


@pytest.mark.parametrize("watermark", [-(2**63), 2**63 - 1, None])
def test_a_job_without_a_watermark_has_none(table: Path, store: FilesystemTableStore, watermark: int | None) -> None:
    write_snapshot(table, 1, watermark=watermark)
    snapshot = store.latest_snapshot(NAME)
    assert snapshot is not None
    assert snapshot.watermark is None


def test_an_expired_snapshot_is_told_from_one_that_never_was(table: Path, store: FilesystemTableStore) -> None:
    write_snapshot(table, 5)
    write_snapshot(table, 6)
    assert store.snapshot(NAME, 5).id == 5
    with pytest.raises(HeadwaterError, match=r"Snapshot 4 of dwd.orders has expired; it has 5 to 6"):
        store.snapshot(NAME, 4)
    with pytest.raises(HeadwaterError, match=r"Snapshot 7 of dwd.orders does not exist; it has 5 to 6"):
        store.snapshot(NAME, 7)
    with pytest.raises(HeadwaterError, match="nothing has been committed to it yet"):
        store.snapshot(TableName.parse("dwd.nothing"), 1)


def test_a_damaged_snapshot_file_is_named(table: Path, store: FilesystemTableStore) -> None:
    (table / "snapshot" / "snapshot-1").write_text("{")
    with pytest.raises(HeadwaterError, match=r"snapshot-1 is not JSON"):
        store.latest_snapshot(NAME)


def test_the_newest_schema_is_read_with_flinks_types(table: Path, store: FilesystemTableStore) -> None:
    write_schema(table, 9, [{"id": 0, "name": "old", "type": "INT"}])
    write_schema(
        table,
        10,
        [
            {"id": 0, "name": "id", "type": "BIGINT NOT NULL", "description": "the key"},
            {"id": 1, "name": "at", "type": "TIMESTAMP(3) WITH LOCAL TIME ZONE"},
            {"id": 2, "name": "tags", "type": {"type": "ARRAY", "element": "STRING NOT NULL"}},
            {"id": 3, "name": "counts", "type": {"type": "MAP NOT NULL", "key": "STRING", "value": "INT"}},
            {
                "id": 4,
                "name": "place",
                "type": {"type": "ROW", "fields": [{"id": 5, "name": "lat", "type": "DOUBLE"}]},
            },
        ],
        primaryKeys=["id"],
        partitionKeys=["at"],
        options={"bucket": "1"},
    )
    found = store.table(NAME)
    assert found is not None
    assert (found.schema_id, found.key, found.partition_by, dict(found.options)) == (
        10,
        ("id",),
        ("at",),
        {"bucket": "1"},
    )
    assert [(c.name, str(c.type), c.nullable, c.description) for c in found.columns] == [
        ("id", "BIGINT", False, "the key"),
        ("at", "TIMESTAMP_LTZ(3)", True, ""),
        ("tags", "ARRAY<STRING>", True, ""),
        ("counts", "MAP<STRING, INT>", False, ""),
        ("place", "ROW<`lat` DOUBLE>", True, ""),
    ]
    assert store.table(TableName.parse("dwd.nothing")) is None


def test_tables_are_those_with_a_schema_in_a_known_layer(table: Path, store: FilesystemTableStore) -> None:
    lake = table.parent.parent
    for other in ("rpt.db/daily/schema", "default.db/x/schema", "dwd.db/.leftover"):
        (lake / other).mkdir(parents=True)
    assert [str(name) for name in store.tables()] == ["dwd.orders", "rpt.daily"]
    assert FilesystemTableStore(lake / "nowhere").tables() == ()
