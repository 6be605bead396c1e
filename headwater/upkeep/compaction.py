"""Whether a table is compacted well enough to be read fast."""

from collections.abc import Mapping

from headwater.footprint import Bucket, Footprint

# Paimon's defaults: a bucket is compacted from five sorted runs on, and its writer waits when there are three more
# (https://paimon.apache.org/docs/master/maintenance/write-performance/).
_TRIGGER, _SLACK = 5, 3
_TRIGGER_OPTION, _STOP_OPTION = "num-sorted-run.compaction-trigger", "num-sorted-run.stop-trigger"

SMALL_FILES = 5
"""A batch compaction takes so many small files of a partition at least (Paimon's `compaction.min.file-num`)."""

_SMALL_BYTES = 64 * 1024 * 1024


def most_level0(options: Mapping[str, str]) -> int:
    """Files of level 0 that a bucket of a key table may have before its writer has fallen behind."""
    trigger = int(options.get(_TRIGGER_OPTION, _TRIGGER))
    return int(options.get(_STOP_OPTION, trigger + _SLACK))


def behind(footprint: Footprint, options: Mapping[str, str]) -> Bucket | None:
    """The fullest bucket of a key table, when it has more files of level 0 than its writer should let be."""
    fullest = footprint.fullest
    return fullest if fullest and fullest.level0 > most_level0(options) else None


def crumbled(footprint: Footprint) -> tuple[Bucket, ...]:
    """Partitions of a table without a key that are cut into many small files."""
    return tuple(
        bucket
        for bucket in footprint.buckets
        if bucket.files >= SMALL_FILES and bucket.bytes / bucket.files < _SMALL_BYTES
    )
