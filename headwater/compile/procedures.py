"""Calls of Paimon's procedures. https://paimon.apache.org/docs/master/flink/procedures/"""

from datetime import UTC, datetime, timedelta

from headwater.compile.storage import CATALOG
from headwater.compile.text import duration, literal
from headwater.model import TableName


def expire_snapshots(table: TableName, *, older_than: datetime, retain: int, most: int) -> str:
    """Give up snapshots from before a moment, all but the newest `retain`, at most `most` of them."""
    return _call(
        "expire_snapshots", table, older_than=_moment(older_than), retain_min=str(retain), max_deletes=str(most)
    )


def expire_tags(table: TableName) -> str:
    """Give up tags that were made to last for a time which is over."""
    return _call("expire_tags", table)


def delete_tag(table: TableName, tag: str) -> str:
    """Give up a tag, and the files that only it needs."""
    return _call("delete_tag", table, tag=literal(tag))


def remove_orphan_files(table: TableName, *, older_than: datetime, dry_run: bool) -> str:
    """Remove files that no snapshot and no tag needs, and that were last written before a moment; or count them.

    In `local` mode the gateway does it by itself, without a job and its slots.
    """
    return _call(
        "remove_orphan_files",
        table,
        older_than=_moment(older_than),
        dry_run=str(dry_run).lower(),
        **{"`mode`": literal("local")},
    )


def compact(table: TableName, *, kept: timedelta) -> str:
    """Compact a table in a job of its own. Its commit expires snapshots, too: those that are older than `kept`."""
    return _call("compact", table, options=literal(f"snapshot.time-retained={duration(kept)}"))


def _call(procedure: str, table: TableName, **arguments: str) -> str:
    given = {"`table`": literal(str(table)), **arguments}
    return f"CALL {CATALOG}.sys.{procedure}(" + ", ".join(f"{name} => {text}" for name, text in given.items()) + ")"


def _moment(at: datetime) -> str:
    """A moment as UTC. Paimon takes it as local time of the gateway: up to fourteen hours earlier or later."""
    return literal(at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
