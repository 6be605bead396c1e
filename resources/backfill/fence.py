"""Keeping a stream's job and a backfill out of each other's way, partition by partition.

A writer of Paimon that has a bucket open does not learn of files that others commit into it: it would compact files
away that are gone, which fails its job, and number its rows as if the others' were not there, so that an older row
could win. It opens a bucket with the first row for it, and closes it two checkpoints after the last one
(AbstractFileStoreWrite.prepareCommit, createConflictAwareWriterCleanChecker). So a backfill commits only into
partitions that the job has left alone since then; and looks afterwards, until checkpoints have passed, whether the job
has come back to one meanwhile: then that part is computed and held against the table again. A writer with a bucket open
commits at every checkpoint, if only nothing: after checkpoints without a commit, none is open.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from headwater.backfill.scope import Place, Scope
from headwater.engines import ActualJob, JobState
from headwater.model import Model, TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.flink.jobmanager import JobManager
from resources.paimon.consumers import next_snapshot
from resources.paimon.store import FilesystemTableStore
from resources.paimon.touched import Commit, Partitions, commits_from_newest

# One more than the two after which a writer has closed: a commit may come later than its checkpoint.
_CHECKPOINTS = 3
_POLL_SECONDS = 0.2
_CHECKPOINT_SECONDS = 180.0


class StillWriting(HeadwaterError):
    """The job writes into partitions that are to be written."""


class Fence:
    """Tells where a table's job is writing.

    Args:
        stack: Whose lake and JobManager are asked.
        model: Whose table and job it is.
        place: How the table's partitions belong to days and markets.
    """

    def __init__(self, stack: Stack, model: Model, place: Place) -> None:
        self._stack = stack
        self._model = model
        self._place = place
        self._jobs = JobManager(stack.flink_url)

    def close(self) -> None:
        """Close the connection."""
        self._jobs.close()

    def job(self) -> ActualJob | None:
        """The table's job; None when none is alive."""
        return next((job for job in self._jobs.jobs() if job.model == self._model.name), None)

    def is_in_one_process(self) -> bool:
        """Whatever commits here does so in one process, whose lock keeps commits on a file system apart."""
        return self._jobs.taskmanagers() <= 1

    def open_partitions(self, scope: Scope, job: ActualJob) -> tuple[Mapping[str, Any], ...]:
        """The partitions of a scope that the job may have open: its newest checkpoints wrote into them."""
        found: dict[str, Mapping[str, Any]] = {}
        checkpoints: set[int] = set()
        completed = self._newest(job)
        # What a job that starts has to commit again it has committed with its first checkpoint.
        is_settled = completed is not None and job.started_at < datetime.now(UTC)
        for commit in commits_from_newest(self._stack.lake, self._model.name):
            if commit.checkpoint is None:
                continue
            if commit.at < job.started_at and is_settled:
                break
            if not checkpoints and completed is not None and completed >= commit.checkpoint + _CHECKPOINTS:
                break
            checkpoints.add(commit.checkpoint)
            if len(checkpoints) > _CHECKPOINTS:
                break
            found |= {str(partition): partition for partition in self._touched(commit, scope)}
        return tuple(found.values())

    def open_days(self, scope: Scope, job: ActualJob) -> tuple[date, ...]:
        """The days of a scope whose partitions the job may have open; all days of a table that has none."""
        days = [partition.get(self._place.day) for partition in self.open_partitions(scope, job)]
        if any(not isinstance(day, date) for day in days):
            return tuple(scope.first + timedelta(number) for number in range((scope.last - scope.first).days + 1))
        return tuple(day for day in days if isinstance(day, date))

    def await_settled(self, scope: Scope, job: ActualJob, patience: float, tell: Callable[[str], None]) -> None:
        """Wait until the job has left the scope's partitions alone. Raises StillWriting, naming some, when it does not.

        Args:
            patience: Seconds.
        """
        deadline = time.monotonic() + patience
        told = False
        while found := self.open_partitions(scope, job):
            shown = ", ".join(map(self._named, found[:3])) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
            if time.monotonic() > deadline:
                raise StillWriting(
                    f"Job {self._model.name} is writing into {shown}, which would be written here",
                    left="nothing of these days was written",
                    next_command="leave those days out, or --pause to stop the job with a savepoint for the moment",
                )
            if not told:
                tell(f"  waiting until job {self._model.name} leaves {shown} alone")
                told = True
            time.sleep(_POLL_SECONDS)

    def foreign(self, scope: Scope, after: int, user: str) -> tuple[int, ...]:
        """Snapshots behind one in which somebody else has written into partitions of the scope, the newest first.

        Raises HeadwaterError when one of them has expired, so that nobody can tell.
        """
        newest = FilesystemTableStore(self._stack.lake).latest_snapshot(self._model.name)
        if newest is None or newest.id <= after:
            return ()
        FilesystemTableStore(self._stack.lake).snapshot(self._model.name, after + 1)
        return tuple(
            commit.snapshot
            for commit in commits_from_newest(self._stack.lake, self._model.name, after)
            if not commit.user.startswith(user) and any(self._touched(commit, scope))
        )

    def await_checkpoints(self) -> None:
        """Wait until what the job had open has been committed. Nothing to wait for when it does not run.

        Raises HeadwaterError when it completes none.
        """
        job = self.job()
        first = self._newest(job) if job else None
        deadline = time.monotonic() + _CHECKPOINT_SECONDS
        while job is not None and job.state is not JobState.SUSPENDED:
            newest = self._newest(job)
            if newest is not None and newest >= (first or 0) + _CHECKPOINTS:
                return
            if time.monotonic() > deadline:
                raise HeadwaterError(
                    f"Job {self._model.name} has completed no checkpoint for {_CHECKPOINT_SECONDS:.0f} s",
                    left="what was written; whether the job wrote into the same partitions is not known yet",
                    next_command="headwater status, then the same command again",
                )
            time.sleep(_POLL_SECONDS)
            job = self.job()

    def await_read(self, table: TableName) -> None:
        """Wait until the job has read this table as it is now, and committed what follows.

        Raises HeadwaterError when the job does not run, or completes no checkpoints.
        """
        newest = FilesystemTableStore(self._stack.lake).latest_snapshot(table)
        deadline = time.monotonic() + _CHECKPOINT_SECONDS
        while newest is not None and (next_snapshot(self._stack.lake, table, self._model.name) or 0) <= newest.id:
            job = self.job()
            if job is None or time.monotonic() > deadline:
                raise HeadwaterError(
                    f"Job {self._model.name} "
                    + ("does not run" if job is None else f"has not read {table} up to snapshot {newest.id}"),
                    left=f"what was written to {table}; {self._model.name} has not been looked at",
                    next_command="headwater apply, then the same command again, which goes on from here",
                )
            time.sleep(_POLL_SECONDS)
        self.await_checkpoints()

    def _newest(self, job: ActualJob) -> int | None:
        with suppress(HeadwaterError):
            newest = self._jobs.newest_checkpoint(job.id)
            return newest[0] if newest else None
        return None

    def _touched(self, commit: Commit, scope: Scope) -> list[Mapping[str, Any]]:
        try:
            partitions = self._partitions.touched(commit.snapshot)
        except FileNotFoundError:
            return []
        return [partition for partition in partitions if self._place.has_partition(scope, partition)]

    def _named(self, partition: Mapping[str, Any]) -> str:
        return "/".join(f"{name}={value}" for name, value in partition.items()) or str(self._model.name)

    @cached_property
    def _partitions(self) -> Partitions:
        return Partitions(self._stack.lake, self._model.name)
