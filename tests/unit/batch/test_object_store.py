"""A lake in an object store reads as the same lake on disk: rows, paths, moments, and what is not read."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import orjson
import pytest
from pyarrow.fs import LocalFileSystem, copy_files

from cli.main import main
from headwater.batch import Comparison, Operator
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.duckdb import Session
from resources.paimon import tags
from resources.paimon.lakefiles import Lake, RemoteLake, lake_at
from resources.paimon.layout import table_path
from resources.paimon.objectscan import DataObjects
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore
from resources.query import answer
from tests.unit.batch.daily import Write
from tests.unit.batch.objectstore import ObjectStore, serving

NAME = TableName.parse("dwd.keyed")
COLUMNS = {"market": "STRING", "id": "BIGINT", "status": "STRING", "at": "BIGINT", "price": "DECIMAL(12, 2)"}
COMMITS = [
    [("h k%", 1, "created", 5, Decimal(1)), ("h k%", 2, "created", 5, None), ("br", 9, "created", 1, Decimal(4))],
    [("h k%", 1, "late", 3, Decimal(2)), ("h k%", 3, "created", None, None)],
    [("h k%", 1, None, 5, Decimal(3)), ("br", 8, "created", 1, None)],
]
KEYED = {"bucket": "1", "write-only": "true"}
KINDS = {
    "append": {"bucket": "-1"},
    "deduplicate": KEYED,
    "partial-update": KEYED
    | {"merge-engine": "partial-update", "fields.at.sequence-group": "status", "ignore-delete": "true"},
    "aggregation": KEYED
    | {"merge-engine": "aggregation", "fields.price.aggregate-function": "sum", "fields.at.aggregate-function": "max"},
    "unknown option": KEYED | {"sequence.field": "at"},
}
PATHS = dict(zip(KINDS, ["plain", "merged", "merged", "merged", "native"], strict=True))
Upload = Callable[[], RemoteLake]


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with serving() as server:
        yield server


@pytest.fixture
def upload(stack: Stack, store: ObjectStore, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Upload:
    """Puts the lake on disk into a bucket, under another name for every test."""
    store.forget()
    store.is_open = True
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    bucket = f"lake-{abs(hash(request.node.name)):x}"

    def put() -> RemoteLake:
        lake = lake_at(store.upload(stack.lake, bucket))
        assert isinstance(lake, RemoteLake)
        return lake

    return put


def schema_file(stack: Stack, number: int = 0) -> Path:
    return Path(table_path(stack.lake, NAME), "schema", f"schema-{number}")


def made(stack: Stack, write: Write, kind: str) -> None:
    """Three commits; Python does not write to tables with some of the options, which are given afterwards."""
    key = [] if kind == "append" else ["market", "id"]
    for rows in COMMITS:
        write(str(NAME), COLUMNS, rows, {"bucket": "-1"} if kind == "append" else KEYED, key, ["market"])
    schema = orjson.loads(schema_file(stack).read_bytes())
    schema_file(stack).write_bytes(orjson.dumps({**schema, "options": schema["options"] | KINDS[kind]}))


def pinned(lake: Lake, snapshot: int = 3, native_only: bool = False, **options: object) -> PinnedTable:
    return PinnedTable(lake, NAME, snapshot, native_only=native_only, merge_from=0, **options)  # type: ignore[arg-type]


def rows(table: PinnedTable) -> list[tuple]:
    return sorted((tuple(row.values()) for row in table.reader().read_all().to_pylist()), key=str)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_paths_are_those_of_the_lake_on_disk(stack: Stack, write: Write, upload: Upload, kind: str) -> None:
    made(stack, write, kind)
    lake = upload()
    for snapshot in (1, 2, 3):
        near, far = pinned(stack.lake, snapshot), pinned(lake, snapshot)
        assert rows(far) == rows(near) == rows(pinned(lake, snapshot, native_only=True))
        assert far.served == near.served
    assert far.served.path == PATHS[kind]
    with Session([far]) as session:
        found = session.rows(f"SELECT market, count(*), sum(price) FROM {NAME} GROUP BY 1 ORDER BY 1").rows
    with Session([near]) as session:
        assert session.rows(f"SELECT market, count(*), sum(price) FROM {NAME} GROUP BY 1 ORDER BY 1").rows == found


def test_snapshots_tags_and_times_choose_the_same_moment(stack: Stack, write: Write, upload: Upload) -> None:
    made(stack, write, "deduplicate")
    tags.create(stack.lake, NAME, 1, "first")
    Path(table_path(stack.lake, NAME), "snapshot", "snapshot-1").unlink()
    second = FilesystemTableStore(stack.lake).snapshot(NAME, 2).committed_at
    lake = upload()
    for at in (None, 2, "first", second):
        near, far = (answer(at_lake, f"SELECT * FROM {NAME} ORDER BY ALL", at=at) for at_lake in (stack.lake, lake))
        assert (far.rows, far.inputs, far.served) == (near.rows, near.inputs, near.served)
    assert answer(lake, f"SELECT count(*) FROM {NAME}", at="first").rows.rows == [(3,)]
    for wrong in (1, 7, "none", datetime(2001, 1, 1, tzinfo=UTC)):
        said = []
        for at_lake in (stack.lake, lake):
            with pytest.raises(HeadwaterError) as caught:
                answer(at_lake, f"SELECT * FROM {NAME}", at=wrong)
            said.append(str(caught.value))
        assert said[0] == said[1]


def test_a_store_says_of_its_tables_what_a_folder_says(stack: Stack, write: Write, upload: Upload) -> None:
    made(stack, write, "deduplicate")
    write("dm.empty", {"market": "STRING"}, [])
    near, far = FilesystemTableStore(stack.lake), FilesystemTableStore(upload())
    assert far.tables() == near.tables() == (TableName.parse("dm.empty"), NAME)
    for name in (*near.tables(), TableName.parse("rpt.none")):
        assert far.table(name) == near.table(name)
        assert far.latest_snapshot(name) == near.latest_snapshot(name)
        assert far.snapshots(name) == near.snapshots(name)
        assert list(far.commits(name)) == list(near.commits(name))


def test_a_hint_that_lags_or_is_missing_is_seen_through(
    stack: Stack, write: Write, upload: Upload, store: ObjectStore
) -> None:
    made(stack, write, "append")
    hint = Path(table_path(stack.lake, NAME), "snapshot", "LATEST")
    hint.write_text("2")
    far = FilesystemTableStore(lake := upload())
    assert far.latest_snapshot(NAME) == far.snapshot(NAME, 3)
    store.files.delete_file(f"{table_path(lake, NAME).removeprefix('s3://')}/snapshot/LATEST")
    assert far.latest_snapshot(NAME) == far.snapshot(NAME, 3)


def test_columns_are_found_by_their_ids_in_files_of_any_age(stack: Stack, write: Write, upload: Upload) -> None:
    made(stack, write, "deduplicate")
    schema = orjson.loads(schema_file(stack).read_bytes())
    fields = [dict(field) for field in schema["fields"]]
    fields[2]["name"], fields[4]["type"] = "state", "DECIMAL(20, 2)"
    fields.append({"id": 5, "name": "coupon", "type": "BIGINT"})
    changed = {**schema, "id": 1, "fields": fields, "highestFieldId": 5}
    schema_file(stack, 1).write_bytes(orjson.dumps(changed))
    lake = upload()
    assert pinned(lake).served.path == "merged"
    assert rows(pinned(lake)) == rows(pinned(stack.lake)) == rows(pinned(lake, native_only=True))
    assert pinned(lake).schema().names == ["market", "id", "state", "at", "price", "coupon"]


def asked(store: ObjectStore, table: PinnedTable) -> tuple[int, int, int]:
    """Rows of a read, data files of which it read something, and bytes of them."""
    store.forget()
    count = table.reader().read_all().num_rows
    return count, len(store.data), store.data_bytes


@pytest.mark.parametrize("native_only", [False, True])
@pytest.mark.parametrize("kind", ["append", "deduplicate"])
def test_partitions_and_files_that_cannot_match_are_not_read(
    stack: Stack, write: Write, upload: Upload, store: ObjectStore, kind: str, native_only: bool
) -> None:
    for start in (0, 1000):
        part = [(market, number, "x", number, None) for number in range(start, start + 1000) for market in ("hk", "br")]
        key = [] if kind == "append" else ["market", "id"]
        write(str(NAME), COLUMNS, part, {"bucket": "-1"} if kind == "append" else KEYED, key, ["market"])
    lake = upload()
    count, files, size = asked(store, pinned(lake, 2, native_only))
    assert (count, files) == (4000, 4)
    of_market = (Comparison("market", Operator.EQUAL, ("br",)),)
    count, files, part = asked(store, pinned(lake, 2, native_only, where=of_market))
    assert (count, files) == (2000, 2)
    assert part < 0.6 * size
    of_number = (Comparison("id", Operator.GREATER_EQUAL, (1990,)),)
    _, files, part = asked(store, pinned(lake, 2, native_only, where=of_number))
    # Of a table without a key Python's writer keeps no bounds in the manifest.
    assert files == (4 if kind == "append" else 2)
    assert len(pinned(lake, 2, where=of_number).plan.paths) == len(pinned(stack.lake, 2, where=of_number).plan.paths)


def test_a_column_is_read_alone_and_many_threads_read_one_object_right(
    stack: Stack, write: Write, upload: Upload, store: ObjectStore
) -> None:
    written = [("hk", number, f"{number * 6364136223846793005 % 2**64:016x}" * 2, number) for number in range(200_000)]
    write(str(NAME), {"market": "STRING", "id": "BIGINT", "note": "STRING", "size": "BIGINT"}, written)
    lake = upload()
    for native_only in (False, True):
        whole, one = (asked(store, pinned(lake, 1, native_only, columns=columns)) for columns in (None, ["size"]))
        assert whole[:2] == one[:2] == (200_000, 1)
        assert one[2] < 0.4 * whole[2]
    # Of many row groups DuckDB reads several at once, through one opened object.
    [path] = pinned(stack.lake, 1).plan.paths
    duckdb.sql(f"COPY (FROM '{path}') TO '{path}.cut' (FORMAT parquet, ROW_GROUP_SIZE 10000)")
    Path(f"{path}.cut").replace(path)
    [key] = (path.removeprefix("s3://") for path in pinned(lake, 1).plan.paths)
    copy_files(path, key, LocalFileSystem(), store.files)
    sql = f"SELECT sum(id), sum(size), bit_xor(hash(note)) FROM {NAME} WHERE id >= 1000"
    with Session([pinned(stack.lake, 1)]) as near, Session([pinned(lake, 1)]) as far:
        assert far.rows(sql).rows == near.rows(sql).rows


def test_a_query_reaches_no_other_objects_and_no_files(
    stack: Stack, write: Write, upload: Upload, store: ObjectStore, tmp_path: Path
) -> None:
    made(stack, write, "append")
    lake = upload()
    other = tmp_path / "other.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{other}'")
    key = lake.url.removeprefix("s3://")
    with store.files.open_output_stream(f"{key}/other.parquet") as stream:
        stream.write(other.read_bytes())
    with Session([pinned(lake)]) as session:
        assert session.rows(f"SELECT count(*) FROM {NAME}").rows == [(7,)]
        for reach in (
            f"read_parquet('{lake}/other.parquet')",
            f"'{lake}/other.parquet'",
            f"glob('{lake}/*')",
            f"read_parquet('{other}')",
            "read_csv('http://127.0.0.1/a.csv')",
        ):
            with pytest.raises(HeadwaterError, match=r"disabled by configuration|Cannot access"):
                session.rows(f"SELECT * FROM {reach}")


def test_an_object_that_is_gone_fails_the_read_by_every_path(
    stack: Stack, write: Write, upload: Upload, store: ObjectStore
) -> None:
    made(stack, write, "append")
    lake = upload()
    for path in pinned(lake).plan.paths[:1]:
        store.files.delete_file(path.removeprefix("s3://"))
    for read in (
        lambda: pinned(lake).reader().read_all(),
        lambda: pinned(lake, native_only=True).reader().read_all(),
        lambda: answer(lake, f"SELECT sum(price) FROM {NAME}"),
    ):
        with pytest.raises(HeadwaterError, match=f"{NAME} cannot be read at snapshot 3: ") as caught:
            read()
        assert "exist" in caught.value.failed
        assert "no row of this read was used" in caught.value.left
        assert "objects of the lake" in caught.value.next_command


def test_a_wrong_bucket_key_or_address_is_told_apart(
    stack: Stack, write: Write, upload: Upload, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(stack, write, "append")
    lake = upload()
    sql = f"SELECT count(*) FROM {NAME}"
    with pytest.raises(HeadwaterError, match=r"there is no bucket nowhere") as caught:
        answer(lake_at("s3://nowhere/lake"), sql)
    assert "correct the bucket's name" in caught.value.next_command
    with pytest.raises(HeadwaterError, match=r"the lake s3://.*/elsewhere is empty") as caught:
        answer(lake_at(f"{lake}/elsewhere"), sql)
    assert "--lake" in caught.value.next_command
    store.is_open = False
    with pytest.raises(HeadwaterError, match="INVALID_ACCESS_KEY_ID") as caught:
        answer(lake, sql)
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in caught.value.next_command
    assert not caught.value.unreachable
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(HeadwaterError, match="The object store did not give s3://") as caught:
        answer(lake_at(lake.url), sql)
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:9" in caught.value.next_command
    assert caught.value.unreachable


@pytest.mark.parametrize(
    ("address", "failed"),
    [
        ("s3:///lake", "names no bucket"),
        ("s3://Bucket_/lake", "names no bucket"),
        ("gs://bucket/lake", "is neither"),
        ("/no/such/folder", "There is no folder /no/such/folder"),
    ],
)
def test_an_address_that_is_no_lake_is_refused(address: str, failed: str) -> None:
    with pytest.raises(HeadwaterError, match=failed):
        lake_at(address)


def test_a_secret_is_not_shown(upload: Upload, stack: Stack) -> None:
    stack.lake.mkdir()
    assert "hidden" not in repr(upload())


def test_the_command_reads_another_lake_and_says_by_which_path(
    stack: Stack, write: Write, upload: Upload, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(stack, write, "append")
    address = str(upload())

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["headwater", "query", f"SELECT count(*) AS n FROM {NAME}", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert f"{NAME} at snapshot 2 (files: 3 plain)" in run("--lake", address, "--at", "2")
    found = [json.loads(run("--json", *arguments)) for arguments in ((), ("--lake", address))]
    found.append(json.loads(run("--json", "--lake", str(stack.lake))))
    assert found[0] == found[1] == found[2]
    assert found[0]["rows"] == [{"n": 7}]


def test_each_thread_has_a_place_of_its_own_in_one_opened_object(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(range(200)))
    key = str(tmp_path / "data")
    objects = DataObjects(LocalFileSystem(), [key])
    reader = objects.open(f"s3://{key}")
    both = threading.Barrier(2)

    def read(at: int) -> bytes:
        reader.seek(at)
        both.wait(10)
        return reader.read(3)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read, (10, 100))) == [bytes([10, 11, 12]), bytes([100, 101, 102])]
    with pytest.raises(FileNotFoundError):
        objects.open(f"s3://{tmp_path}/other")
    with pytest.raises(PermissionError):
        objects.open(f"s3://{key}", "wb")
