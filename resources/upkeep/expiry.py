"""Snapshots and tags that nobody needs any more.

A stream's job expires the snapshots of its table at each of its commits, so they are left to it. Reports are written
by Python, which expires nothing: theirs are expired here, while no run writes the report.
"""

from datetime import datetime

from headwater.model import TableName
from headwater.stack import Stack
from headwater.upkeep.duty import HISTORY, KEPT, KEPT_SNAPSHOTS, Duty, Outcome
from resources.paimon import tags
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import BeingWritten, writing
from resources.upkeep.place import Place, Target

_SAVEPOINT = "savepoint-"


def expire(place: Place, target: Target) -> Outcome:
    """Give up the table's snapshots and tags that are past their time."""
    old_tags = left_behind(place.stack, target.name, place.now)
    old_snapshots = past_their_time(place.stack, target.name, place.now) if target.model.is_report else 0
    terms = any(tags.has_term(place.stack.lake, target.name, tag) for tag in target.files.tags)
    found = len(old_tags) + old_snapshots
    if place.dry_run or not (found or terms):
        return Outcome(Duty.EXPIRY, target.name, target.files, target.files, found)
    done, left = [], ""
    for tag in old_tags:
        place.procedures.delete_tag(target.name, tag)
    if old_tags:
        done.append(f"removed {_counted(len(old_tags), 'tag')} ({', '.join(old_tags)})")
    if terms:
        place.procedures.expire_tags(target.name)
    if old_snapshots:
        try:
            with writing(place.stack.home, target.name, patience=0):
                oldest = place.now - HISTORY
                gone = place.procedures.expire_snapshots(target.name, oldest, KEPT_SNAPSHOTS, old_snapshots)
            done.append(f"expired {_counted(gone, 'snapshot')}")
        except BeingWritten as error:
            left = error.failed
    after = place.footprint(target.name)
    if terms and len(after.tags) < len(target.files.tags) - len(old_tags):
        done.append("expired tags whose term was over")
    return Outcome(Duty.EXPIRY, target.name, target.files, after, found, done="; ".join(done), left=left)


def left_behind(stack: Stack, table: TableName, now: datetime) -> tuple[str, ...]:
    """Tags that the platform made and does not need: of runs whose process is gone, and of savepoints that are.

    A savepoint's tag is kept for another week after it: somebody may have put the savepoint elsewhere.
    """
    kept = {path.name for path in stack.job_state.glob(f"*/*/savepoints/{_SAVEPOINT}*")}
    savepoints = [tag for tag in tags.names(stack.lake, table) if tag.startswith(_SAVEPOINT) and tag not in kept]
    made = {tag: tags.written_at(stack.lake, table, tag) for tag in savepoints}
    lost = [tag for tag, at in made.items() if at is not None and now - at > KEPT]
    return (*tags.stale(stack.lake, table), *lost)


def past_their_time(stack: Stack, table: TableName, now: datetime) -> int:
    """How many snapshots are older than is kept of a report, those not counted that are kept in any case."""
    snapshots = FilesystemTableStore(stack.lake).snapshots(table)
    return sum(now - snapshot.committed_at > HISTORY for snapshot in snapshots[KEPT_SNAPSHOTS:])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
