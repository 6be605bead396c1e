"""Rows that are to be written, in a lake of their own, and the batch job that brings them into the table.

The job runs on the cluster on which the table's own job runs: on a file system a snapshot is committed under a lock of
the process (Paimon's LocalFileIO), so two processes that commit into one table could take each other's snapshot away.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.compile import backfill
from headwater.compile.backfill import Commit
from headwater.compile.storage import create_catalog
from headwater.compile.text import file_uri
from headwater.model import Model, TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.flink.gateway import Gateway, Session, StatementRefused
from resources.flink.jobmanager import BACKFILL, JobManager
from resources.paimon.writer import create_table, declared_schema
from resources.result_types import conform

if TYPE_CHECKING:
    import pyarrow

_SECONDS = 3600.0
_ORPHAN_SECONDS = 180.0
_POLL_SECONDS = 0.2
_PYTHON_ONLY = {"write.native.enabled": "false", "commit.native.enabled": "false"}
_CONFLICTS = (
    "Giving up committing as commit.strict-mode",
    "File deletion conflicts",
    "LSM conflicts",
    "does not exist. It has probably been expired",
)
_BATCH = {
    "execution.runtime-mode": "batch",
    "table.local-time-zone": "UTC",
    "parallelism.default": "1",
    "table.exec.sink.upsert-materialize": "NONE",
    # The statement ends when its job has.
    "table.dml-sync": "true",
    # A batch job that fails would fail again, and somebody waits.
    "restart-strategy.type": "none",
}


class WrittenMeanwhile(HeadwaterError):
    """Somebody else has written into the same partitions, so the commit was refused and nothing was written."""


def job_name(table: TableName) -> str:
    """The name of the batch job, which makes it no job of the platform: nothing plans, stops or counts it."""
    return f"{BACKFILL}{table}"


def await_none_writing(stack: Stack, table: TableName) -> None:
    """Wait for the batch job of a process that is gone. Raises HeadwaterError when it does not end."""
    name = job_name(table)
    deadline = time.monotonic() + _ORPHAN_SECONDS
    with closing(JobManager(stack.flink_url)) as jobs:
        while jobs.is_running(name):
            if time.monotonic() > deadline:
                raise HeadwaterError(
                    f"The job «{name}» of an earlier process is still running",
                    left="what it writes, in one commit, when it ends",
                    next_command=f"wait for it, or cancel it at {stack.flink_url}; then the same command again",
                )
            time.sleep(_POLL_SECONDS)


def stage(folder: Path, model: Model, rows: "pyarrow.Table", gone: "pyarrow.Table | None" = None) -> None:
    """Put rows, and keys of rows that are to go, into an empty lake in this folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bare = replace(model, key=(), partition_by=(), storage=None)
    _put(folder, bare, rows)
    if gone is not None:
        keys = tuple(model.column(name) for name in model.key)
        _put(folder, replace(bare, name=backfill.gone_keys(model.name), columns=keys), gone)


def discard(folder: Path) -> None:
    """Remove what was staged."""
    shutil.rmtree(folder, ignore_errors=True)


def bring_in(
    stack: Stack, model: Model, folder: Path, commit: Commit, *, overwrites: bool = False, removes: bool = False
) -> None:
    """Write what is staged into the table, in one commit.

    Args:
        overwrites: Each partition that staged rows fall into holds these alone afterwards.
        removes: Keys are staged whose rows are to go.

    Raises WrittenMeanwhile, and HeadwaterError with Flink's last cause.
    """
    if removes:
        statement = backfill.write_and_remove(model, file_uri(folder))
    else:
        statement = (backfill.overwrite if overwrites else backfill.write)(model, commit)
    try:
        _run(stack, model, folder, lambda session, named: session.execute(statement, named, timeout=_SECONDS))
    except StatementRefused as refused:
        if any(said in refused.cause for said in _CONFLICTS):
            raise WrittenMeanwhile(
                f"Partitions of {model.name} were written into while a backfill of them was computed: {refused.cause}",
                left="nothing was written",
                next_command="the same command again",
            ) from refused
        raise HeadwaterError(
            f"Flink did not write the backfill of {model.name}: {refused.cause}",
            left="the table as it was",
            next_command="headwater logs taskmanager; then the same command again",
        ) from refused


def _run(stack: Stack, model: Model, folder: Path, work: Callable[[Session, dict[str, str]], object]) -> None:
    with closing(Gateway(stack.gateway_url)) as gateway, gateway.session(_BATCH) as session:
        session.execute(create_catalog(file_uri(stack.lake)))
        session.execute(backfill.create_staging(file_uri(folder)))
        work(session, {"pipeline.name": job_name(model.name)})


def _put(folder: Path, model: Model, rows: "pyarrow.Table") -> None:
    from pypaimon import CatalogFactory
    from pypaimon.table.file_store_table import FileStoreTable

    create_table(folder, model)
    table = CatalogFactory.create({"warehouse": file_uri(folder)}).get_table(str(model.name))
    if not isinstance(table, FileStoreTable) or not rows.num_rows:
        return
    builder = table.copy(_PYTHON_ONLY).new_batch_write_builder()
    write, commit = builder.new_write(), builder.new_commit()
    try:
        write.write_arrow(conform(model.name, rows, declared_schema(model)))
        commit.commit(write.prepare_commit())
    finally:
        write.close()
        commit.close()
