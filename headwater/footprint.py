"""What a table holds on disk, and how well compacted its newest snapshot is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """The data files that the newest snapshot has in one bucket of one partition.

    Args:
        partition: `market=hk/order_day=2026-11-22`; "" in a table without partitions.
        number: Of the bucket in its partition; 0 where a table has no buckets.
        files: Of any level.
        level0: Files of level 0, which no compaction has merged yet. Files of a table without a key all are.
        bytes: Of all files.
        largest: Bytes of the largest file.
    """

    partition: str
    number: int
    files: int
    level0: int
    bytes: int
    largest: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """Everything below a table's folder at one moment.

    Args:
        snapshot: The newest; None for a table without a commit.
        snapshots: How many are kept.
        tags: Names of tags, ordered.
        files: All files, metadata too.
        bytes: Of all files.
        live_files: Of those, what reading the newest snapshot takes: data files and manifests.
        live_bytes: Of those.
        buckets: Of the newest snapshot, ordered by partition and number.
        missing: Data files of the newest snapshot that are not there: the table cannot be read.
    """

    snapshot: int | None
    snapshots: int
    tags: tuple[str, ...]
    files: int
    bytes: int
    live_files: int
    live_bytes: int
    buckets: tuple[Bucket, ...]
    missing: tuple[str, ...] = ()

    @property
    def held_files(self) -> int:
        """Files that only older snapshots, changelogs, tags or nobody needs."""
        return max(self.files - self.live_files, 0)

    @property
    def held_bytes(self) -> int:
        """Bytes of those."""
        return max(self.bytes - self.live_bytes, 0)

    @property
    def level0(self) -> int:
        """Files of level 0 in all buckets."""
        return sum(bucket.level0 for bucket in self.buckets)

    @property
    def fullest(self) -> Bucket | None:
        """The bucket with the most files of level 0, which is the slowest to read."""
        return max(self.buckets, key=lambda bucket: (bucket.level0, bucket.files), default=None)
