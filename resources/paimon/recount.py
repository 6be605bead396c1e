"""A commit without rows, made for its number: what a job's newest snapshot says is how far the job has committed.

A job that goes back to an earlier state counts from an earlier number; why its newest snapshot must have that number
too is told in headwater.plan.earlier.
"""

from pathlib import Path

from headwater.model import TableName
from headwater.problem import HeadwaterError

BATCH = 2**63 - 1
"""The number of every batch's commits: Java's highest long (TableCommitImpl.COMMIT_IDENTIFIER)."""

RECOUNTS = "headwater.recounts"
"""The property of such a snapshot."""

_BY_PYTHON_EMPTY = {
    "snapshot.ignore-empty-commit": "false",
    "write.native.enabled": "false",
    "commit.native.enabled": "false",
}


def recount(lake: Path, name: TableName, user: str, number: int) -> None:
    """Commit nothing in the name of a job that does not run now, under this number."""
    from pypaimon import CatalogFactory
    from pypaimon.table.file_store_table import FileStoreTable
    from pypaimon.write.table_commit import StreamTableCommit

    table = CatalogFactory.create({"warehouse": f"file://{lake}"}).get_table(str(name))
    if not isinstance(table, FileStoreTable):
        raise HeadwaterError(f"{name} is not a table of data files", next_command="headwater plan")
    commit = StreamTableCommit(table.copy(_BY_PYTHON_EMPTY), user)
    try:
        commit.commit([], number, snapshot_properties={RECOUNTS: str(number)})
    finally:
        commit.close()
