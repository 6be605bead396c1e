"""What a table holds on disk."""

from headwater.footprint import Bucket
from headwater.model import TableName
from resources.paimon import tags
from resources.paimon.footprint import footprint
from tests.unit.upkeep.conftest import DAILY, Lake


def test_there_is_no_footprint_of_a_table_that_is_not_there(lake: Lake) -> None:
    assert footprint(lake.stack.lake, TableName.parse("dwd.nothing")) is None


def test_all_files_are_told_from_those_of_the_newest_snapshot(lake: Lake) -> None:
    lake.write(DAILY, [1, 2])
    lake.write(DAILY, [2])
    (lake.folder(DAILY) / "bucket-0").mkdir()
    (lake.folder(DAILY) / "bucket-0" / "data-lost.parquet").write_bytes(b"x" * 1000)
    tags.create(lake.stack.lake, DAILY, 1, "monthly")
    found = lake.target(DAILY).files
    on_disk = [file for file in lake.folder(DAILY).rglob("*") if file.is_file()]
    assert (found.files, found.bytes) == (len(on_disk), sum(file.stat().st_size for file in on_disk))
    assert (found.snapshot, found.snapshots, found.tags) == (2, 2, ("monthly",))
    # Three data files, two manifests, two lists of manifests; not those of the first snapshot, nor the lost file.
    assert found.live_files == 7
    assert found.held_bytes > 1000
    assert found.missing == ()


def test_files_are_counted_by_partition(lake: Lake) -> None:
    lake.write(DAILY, [1, 2])
    lake.write(DAILY, [2])
    first, second = lake.target(DAILY).files.buckets
    assert (first.partition, first.files, second.partition, second.files) == (
        "local_date=2026-11-01", 1, "local_date=2026-11-02", 2,
    )  # fmt: skip
    assert lake.target(DAILY).files.fullest == second
    assert isinstance(first, Bucket)
    assert second.bytes >= 2 * second.largest - 10


def test_a_file_that_the_newest_snapshot_lacks_is_named(lake: Lake) -> None:
    lake.write(DAILY, [1])
    (file,) = lake.folder(DAILY).rglob("data-*")
    file.unlink()
    assert lake.target(DAILY).files.missing == (file.name,)
