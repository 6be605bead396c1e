"""How far jobs have read tables, from the files that their consumers leave; and consumers of readers in Python.

A job that reads a table as a stream notes, whenever a checkpoint is complete, which snapshot it reads next
(`<table>/consumer/consumer-<id>`, https://paimon.apache.org/docs/master/flink/consumer-id/).
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from headwater.lag.progress import NOTHING, Backlog, SourceProgress
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.wholefile import write_whole
from resources.paimon.lakefiles import LOCAL, read_small
from resources.paimon.layout import numbered, parse_metadata, table_path, tables

_LOOKS, _PAUSE_SECONDS = 20, 0.005


def next_snapshot(lake: Path, table: TableName, reader: TableName) -> int | None:
    """The snapshot of this table that the job of `reader` reads next; None before its first checkpoint.

    Paimon writes the file over in place, so that a look may find it empty for a moment. Raises HeadwaterError when it
    stays unreadable.
    """
    path = f"{table_path(lake, table)}/consumer/consumer-{reader}"
    for _ in range(_LOOKS):
        content = read_small(path)
        if content is None:
            return None
        if content.rstrip().endswith(b"}"):
            return int(parse_metadata(path, content)["nextSnapshot"])
        time.sleep(_PAUSE_SECONDS)
    raise HeadwaterError(f"{path} is empty: how far {reader} has read {table} is not known")


def table_progress(lake: Path, table: TableName, reader: TableName) -> SourceProgress:
    """How far the job of `reader` has read this table; before its first checkpoint, not at all.

    What it has read and what a checkpoint of it holds cannot be told apart from outside.
    """
    following = next_snapshot(lake, table, reader) or 0
    folder = f"{table_path(lake, table)}/snapshot"
    numbers = numbered(folder, "snapshot-")
    waiting = [number for number in numbers if number >= following]
    kept = [number for number in numbers if number < following]
    return SourceProgress(
        unkept=Backlog(len(waiting), _committed_at(folder, waiting[0])) if waiting else NOTHING,
        unread=None,
        kept_at=_committed_at(folder, kept[-1]) if kept else None,
    )


def hold(lake: Path, table: TableName, consumer: str, snapshot: int) -> None:
    """Keep this snapshot of a table, and all after it, from expiring, as a streaming job's consumer does.

    Paimon expires no snapshot that a consumer is to read next, until the consumer has not moved for the table's
    `consumer.expiration-time`.
    """
    folder = Path(table_path(lake, table), "consumer")
    folder.mkdir(exist_ok=True)
    write_whole(folder / f"consumer-{consumer}", f'{{"nextSnapshot" : {snapshot}}}'.encode())


def release(lake: Path, table: TableName, consumer: str) -> None:
    """Let the snapshots of a table expire again; nothing happens when no such consumer is there."""
    Path(table_path(lake, table), "consumer", f"consumer-{consumer}").unlink(missing_ok=True)


def holding(lake: Path, prefix: str) -> frozenset[tuple[TableName, str]]:
    """The consumers whose names begin with a prefix, each with its table."""
    found = set()
    for table in tables(lake):
        folder = f"{table_path(lake, table)}/consumer"
        names = (name.removeprefix("consumer-") for name in LOCAL.names(folder) if name.startswith("consumer-"))
        found.update((table, name) for name in names if name.startswith(prefix))
    return frozenset(found)


def _committed_at(folder: str, number: int) -> datetime | None:
    path = f"{folder}/snapshot-{number}"
    content = read_small(path)
    if content is None:
        return None
    return datetime.fromtimestamp(parse_metadata(path, content)["timeMillis"] / 1000, UTC)
