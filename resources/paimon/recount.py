"""Letting a table take a stream's commits again, when its job goes back to an earlier state.

Restored, Paimon's committer holds for done whatever its newest snapshot's number, or a higher one, says
(FileStoreCommitImpl.filterCommitted). A job that goes back counts from an earlier number: rows of its first checkpoint,
should it be killed between completing and committing it, would be taken for committed and be lost. So the job's own
user commits nothing under the number that it goes back to, and that snapshot is then the newest one.
"""

from pathlib import Path

from headwater.model import TableName
from headwater.problem import HeadwaterError

BATCH = 2**63 - 1
"""The number of every batch's commits: Java's highest long (TableCommitImpl.COMMIT_IDENTIFIER)."""

_BY_PYTHON_EMPTY = {
    "snapshot.ignore-empty-commit": "false",
    "write.native.enabled": "false",
    "commit.native.enabled": "false",
}


def recount(lake: Path, name: TableName, user: str, checkpoint: int) -> None:
    """Commit nothing in the name of a job that does not run now, under this number."""
    from pypaimon import CatalogFactory
    from pypaimon.table.file_store_table import FileStoreTable
    from pypaimon.write.table_commit import StreamTableCommit

    table = CatalogFactory.create({"warehouse": f"file://{lake}"}).get_table(str(name))
    if not isinstance(table, FileStoreTable):
        raise HeadwaterError(f"{name} is not a table of data files", next_command="headwater plan")
    commit = StreamTableCommit(table.copy(_BY_PYTHON_EMPTY), user)
    try:
        commit.commit([], checkpoint)
    finally:
        commit.close()
