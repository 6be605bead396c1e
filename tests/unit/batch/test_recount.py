"""A commit without rows, made for its number."""

import json
from pathlib import Path

from headwater.engines import Commit
from headwater.stack import Stack
from resources.paimon.reader import scan
from resources.paimon.recount import BATCH, recount
from resources.paimon.store import FilesystemTableStore
from tests.unit.batch.daily import ORDERS, Write


def as_job(stack: Stack, snapshot: int, user: str, number: int) -> None:
    """Let a snapshot be of a job: the writer of these tests commits as a batch does."""
    file = Path(stack.lake, "dwd.db", "orders", "snapshot", f"snapshot-{snapshot}")
    said = json.loads(file.read_text())
    assert said["commitIdentifier"] == BATCH
    file.write_text(json.dumps(said | {"commitUser": user, "commitIdentifier": number}))


def test_it_is_the_newest_of_that_job_and_changes_no_row(stack: Stack, write: Write) -> None:
    for number in range(3):
        write("dwd.orders", {"id": "BIGINT"}, [(number,)])
    as_job(stack, 1, "job", 5)
    as_job(stack, 2, "job", 9)
    store = FilesystemTableStore(stack.lake)
    assert list(store.commits(ORDERS)) == [Commit(2, 9, "job"), Commit(1, 5, "job")]

    recount(stack.lake, ORDERS, "job", 5)
    assert next(store.commits(ORDERS)) == Commit(4, 5, "job", recounts=True)
    newest, before = store.latest_snapshot(ORDERS), store.snapshot(ORDERS, 3)
    assert newest is not None
    assert (newest.id, newest.kind, newest.rows) == (4, "APPEND", before.rows)
    read = scan(stack.lake, ORDERS, 4).read_all().to_pylist()
    assert sorted(row["id"] for row in read) == [0, 1, 2]
