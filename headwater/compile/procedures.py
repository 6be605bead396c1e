"""Calls of Paimon's procedures. https://paimon.apache.org/docs/master/flink/procedures/"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from headwater.compile.storage import CATALOG
from headwater.compile.text import duration, identifier, literal
from headwater.model import Model, TableName

OLD = "__old"
"""What `merge_into` calls the table's rows. An alias that is a table's own name would make it refer to itself."""


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


def merge_into(
    model: Model, source: str, alias: str, *, first: Sequence[str] = (), changed: str | None = None, gone: str
) -> str:
    """Write rows into a table with a key, and remove others, in one commit that readers see as changes.

    It knows the lake's catalog alone, and takes no options.

    Args:
        source: The table or view of the rows that are written.
        alias: What conditions call it: its own name.
        first: Statements that are executed before, as ones that make the source.
        changed: Which rows of a key that is there are written; all when None.
        gone: Which rows are removed, of those whose key the source does not have.
    """
    upserts = {"matched_upsert_condition": changed} if changed is not None else {}
    upserts["matched_upsert_setting"] = "*"
    arguments = {
        "target_table": str(model.name),
        "target_alias": OLD,
        **({"source_sqls": ";".join(first)} if first else {}),
        "source_table": source,
        "merge_condition": same_key(model, OLD, alias),
        # A row that is all key has nothing that could be written anew.
        **(upserts if len(model.columns) > len(model.key) else {}),
        "not_matched_insert_values": "*",
        "not_matched_by_source_delete_condition": gone,
    }
    said = ",\n".join(f"`{name}` => {literal(value)}" for name, value in arguments.items())
    return f"CALL {CATALOG}.sys.merge_into(\n{said})"


def same_key(model: Model, one: str, other: str) -> str:
    """The condition that two rows, called by these aliases, have the same key."""
    return " AND ".join(f"`{one}`.{name} = `{other}`.{name}" for name in map(identifier, model.key))


def _call(procedure: str, table: TableName, **arguments: str) -> str:
    given = {"`table`": literal(str(table)), **arguments}
    return f"CALL {CATALOG}.sys.{procedure}(" + ", ".join(f"{name} => {text}" for name, text in given.items()) + ")"


def _moment(at: datetime) -> str:
    """A moment as UTC. Paimon takes it as local time of the gateway: up to fourteen hours earlier or later."""
    return literal(at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
