"""How well tables are compacted, and the compaction of those that nobody else compacts.

Two compactors of one table contradict each other, and both fail. A stream's job compacts its table itself, so such a
table is only looked at. A report is compacted here, while no run writes it.
"""

from headwater.upkeep.compaction import behind, crumbled, most_level0
from headwater.upkeep.duty import HISTORY, Duty, Outcome
from resources.paimon.writer import BeingWritten, writing
from resources.upkeep.place import Place, Target


def compact(place: Place, target: Target) -> Outcome:
    """Look at the table's buckets; compact a report that is cut into small files."""
    return _report(place, target) if target.model.is_report else _stream(target)


def _stream(target: Target) -> Outcome:
    outcome = Outcome(Duty.COMPACTION, target.name, target.files, target.files)
    bucket = behind(target.files, target.options) if target.model.key else None
    if bucket is None:
        return outcome
    place = f"bucket {bucket.number}" + (f" of {bucket.partition}" if bucket.partition else "")
    fault = (
        f"{place} has {bucket.level0} files of level 0, more than {most_level0(target.options)}: "
        "its job does not keep up with compacting, or does not run"
    )
    return Outcome(Duty.COMPACTION, target.name, target.files, target.files, bucket.level0, fault=fault)


def _report(place: Place, target: Target) -> Outcome:
    buckets = crumbled(target.files)
    found = sum(bucket.files for bucket in buckets)
    if place.dry_run or not buckets:
        return Outcome(Duty.COMPACTION, target.name, target.files, target.files, found)
    try:
        with writing(place.stack.home, target.name, patience=0):
            place.procedures.compact(target.name, HISTORY)
    except BeingWritten as error:
        return Outcome(Duty.COMPACTION, target.name, target.files, target.files, found, left=error.failed)
    after = place.footprint(target.name)
    files = sum(bucket.files for bucket in target.files.buckets), sum(bucket.files for bucket in after.buckets)
    done = f"compacted {files[0]} data files into {files[1]}"
    return Outcome(Duty.COMPACTION, target.name, target.files, after, found, done=done)
