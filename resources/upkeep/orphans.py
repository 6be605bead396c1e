"""Files that no snapshot and no tag needs: what failed commits, killed processes and lost tags leave behind.

Paimon looks for them by taking away from all old files those that some snapshot or tag names. When a snapshot expires
while it looks, files that live may be taken for orphans (apache/paimon#7710): it does not see the snapshot that names
them, nor the newer one. So the newest snapshot is tagged while it looks: a tag does not expire, and whatever is live
when the look begins is named by it. What is written later is too young to be taken.

A job that does not run may have files that are written and not committed: its newest checkpoint knows of them, the
table does not. So a stream's table is cleaned only while its job completes checkpoints: such files are younger then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from headwater.model import TableName
from headwater.upkeep.duty import KEPT, Duty, Outcome
from resources.paimon import tags
from resources.paimon.layout import table_path
from resources.upkeep.place import Place, Target

# Paimon takes the moment as local time of the gateway, which is at most fourteen hours off.
_AGE = KEPT + timedelta(days=1)
_RECENT = timedelta(days=1)
_UNCOMMITTED = "its job has completed no checkpoint for a day: files that it has yet to commit look like orphans"


def remove(place: Place, target: Target) -> Outcome:
    """Look for orphans that are a week old at least, and remove them when there are any."""
    name, files = target.name, target.files
    if files.snapshot is None:
        return Outcome(Duty.ORPHANS, name, files, files)
    oldest = place.now - _AGE
    with _guarded(place, name, files.snapshot):
        found, size = place.procedures.orphans(name, oldest, dry_run=True)
        left = _UNCOMMITTED if found and not _has_committed(place, target) else ""
        if place.dry_run or left or not found:
            return Outcome(Duty.ORPHANS, name, files, files, found, size, left=left)
        removed, freed = place.procedures.orphans(name, oldest, dry_run=False)
    after = place.footprint(name)
    fault = ""
    if after.missing:
        fault = (
            f"data files of snapshot {after.snapshot} are missing: {', '.join(after.missing[:3])}; "
            f"headwater savepoints {name} lists the states to go back to"
        )
    done = f"removed {removed} files, {freed:,} bytes"
    return Outcome(Duty.ORPHANS, name, files, after, found, size, done=done, fault=fault)


def _has_committed(place: Place, target: Target) -> bool:
    """Whatever was written to the table before the orphans' age is committed, or never will be."""
    committed = place.committed.get(target.name)
    return target.model.is_report or (committed is not None and place.now - committed < _RECENT)


@contextmanager
def _guarded(place: Place, name: TableName, snapshot: int) -> Iterator[None]:
    """Hold a snapshot by a tag, which goes with the files that only it holds when the snapshot expires meanwhile."""
    lake = place.stack.lake
    tag = tags.named("upkeep", tags.new_run_id())
    tags.create(lake, name, snapshot, tag)
    try:
        yield
    finally:
        if Path(table_path(lake, name), "snapshot", f"snapshot-{snapshot}").exists():
            tags.delete(lake, name, tag)
        else:
            place.procedures.delete_tag(name, tag)
