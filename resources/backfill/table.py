"""One table's part of a backfill: computed by batch, held against what is there, and written piece by piece."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date

from headwater.backfill.difference import Difference
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Place, Scope, place_of
from headwater.backfill.stages import WriteTable
from headwater.compile.backfill import Commit
from headwater.engines import ActualJob
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.backfill.computation import Computed, computed
from resources.backfill.fence import Fence
from resources.backfill.pause import nobody_writing
from resources.backfill.record import Record
from resources.backfill.staging import WrittenMeanwhile, await_none_writing, bring_in, discard, stage
from resources.paimon.store import FilesystemTableStore
from resources.paimon.touched import commits_from_newest

_ATTEMPTS = 5
PATIENCE = 60.0
"""Seconds to wait until the table's job leaves partitions alone."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to one piece of a table.

    Args:
        table: The table.
        kind: What was to be done.
        piece: The rows that it was about.
        difference: What was computed, against what was there.
        snapshot: The commit; None when there was nothing to write.
        engine: What computed it: duckdb, or flink batch.
        seconds: Wall time, waiting for the job included.
        attempts: How often it was computed: once more for each time that the job came into the same partitions.
        paused: Seconds in which the table's job did not run.
        note: What was left as it is, and why, or "".
        against: The snapshot that was compared with; None when the job was left alone.
    """

    table: TableName
    kind: Kind
    piece: Scope
    difference: Difference
    snapshot: int | None
    engine: str
    seconds: float
    attempts: int = 1
    paused: float = 0.0
    note: str = ""
    against: int | None = None

    def following(self, earlier: "Written | None") -> "Written":
        """What came of both looks at one piece: the later one, unless only the earlier one found something to write."""
        if earlier is None:
            return self
        seconds, paused = earlier.seconds + self.seconds, earlier.paused + self.paused
        told = earlier if self.snapshot is None and earlier.snapshot is not None else self
        return replace(told, seconds=seconds, paused=paused, attempts=self.attempts)


class TableBackfill:
    """Writes one table's pieces.

    Args:
        stack: Where.
        declared: The warehouse.
        wanted: What is to be done.
        record: Of what is done so far.
        tell: Told a line for whatever takes time.
        pauses: The job may be stopped with a savepoint where it writes into the same partitions.
        patience: Seconds to wait until it leaves them alone, where it may not.
    """

    def __init__(
        self,
        stack: Stack,
        declared: Warehouse,
        wanted: WriteTable,
        record: Record,
        tell: Callable[[str], None],
        *,
        pauses: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        place = place_of(wanted.model)
        assert place is not None
        self._stack = stack
        self._declared = declared
        self._model: Model = wanted.model
        self._kind = wanted.kind
        self._pieces = wanted.pieces
        self._is_downstream = wanted.upstream is not None
        self._place: Place = place
        self._record = record
        self._tell = tell
        self._pauses = pauses
        self._patience = patience
        self._attempts = dict.fromkeys(wanted.pieces, 0)

    def run(self) -> tuple[Written, ...]:
        """Write every piece that is not done; look whether the job came back to one, and do that again.

        Raises HeadwaterError; pieces that were written before stay, and are on record.
        """
        done: dict[Scope, Written] = {}
        await_none_writing(self._stack, self._model.name)
        with closing(Fence(self._stack, self._model, self._place)) as fence:
            while left := [piece for piece in self._pieces if not self._record.is_done(self._model.name, piece)]:
                looked_at: dict[Scope, Written] = {}
                for piece in left:
                    looked_at[piece] = written = self._written(fence, piece)
                    if written.snapshot is not None:
                        self._record.write(self._model.name, piece, written.snapshot)
                    done[piece] = written.following(done.get(piece))
                again = self._come_back_to(fence, looked_at)
                for piece in left:
                    if piece not in again:
                        self._record.finish(self._model.name, piece)
        return tuple(done[piece] for piece in self._pieces if piece in done)

    def _come_back_to(self, fence: Fence, written: Mapping[Scope, Written]) -> set[Scope]:
        """The pieces that the job has come back to."""
        # Where nothing was left to write, a process that is gone may have written it and not have had this look.
        beside = {
            piece: each.snapshot or each.against
            for piece, each in written.items()
            if self._record.may_be_written(self._model.name, piece)
            and not each.paused
            and (each.snapshot is not None or each.attempts == 1)
        }
        if not beside or fence.job() is None:
            return set()
        self._tell(f"  looking whether job {self._model.name} wrote into the same partitions meanwhile")
        fence.await_checkpoints()
        again = set()
        for piece, snapshot in beside.items():
            rows = written[piece].piece
            if snapshot is None or not (found := fence.foreign(rows, snapshot, self._record.user)):
                continue
            if self._attempts[piece] >= _ATTEMPTS:
                raise HeadwaterError(
                    f"Job {self._model.name} came back to {rows} {_ATTEMPTS} times, at last in snapshot {found[-1]}",
                    left="what was written; rows that the job wrote since then have not been looked at",
                    next_command="the same command again when fewer late rows come, or with --pause",
                )
            self._tell(f"  it wrote into {rows} (snapshot {found[-1]}): looking at that again")
            again.add(piece)
        return again

    def _written(self, fence: Fence, piece: Scope) -> Written:
        begun = time.monotonic()
        while True:
            self._attempts[piece] += 1
            try:
                written = self._attempted(fence, piece, begun)
                return replace(written, attempts=self._attempts[piece])
            except WrittenMeanwhile as error:
                if self._attempts[piece] >= _ATTEMPTS:
                    raise
                self._tell(f"  {error.failed}: looking at it again")

    def _attempted(self, fence: Fence, piece: Scope, begun: float) -> Written:
        job = fence.job()
        apart = job is not None and not fence.is_in_one_process()
        if apart and not self._pauses:
            raise HeadwaterError(
                f"Flink runs in several processes, where a commit could take away one of job {self._model.name}",
                left="nothing of these days was written",
                next_command="--pause stops the job with a savepoint for the moment",
            )
        if job is not None and self._is_downstream and not apart:
            return self._beside_its_days(fence, piece, job, begun)
        if job is not None and not apart and not (self._pauses and fence.open_partitions(piece, job)):
            fence.await_settled(piece, job, self._patience, self._tell)
            return self._once(fence, piece, begun)
        stopped = time.monotonic()
        self._record.pause(self._model.name if job is not None else None)
        with nobody_writing(self._stack, self._model.name, job, self._tell):
            written = self._once(fence, piece, begun)
        self._record.pause(None)
        return replace(written, paused=time.monotonic() - stopped) if job is not None else written

    def _beside_its_days(self, fence: Fence, piece: Scope, job: ActualJob, begun: float) -> Written:
        """Days that the job is writing are its own: it has read what was changed upstream, and its state holds them."""
        days = fence.open_days(piece, job)
        rest = piece.leaving_out(days)
        note = (
            f"{', '.join(map(str, days[:5]))}{' …' if len(days) > 5 else ''}: left to the job, which is writing there"
        )
        if rest.is_empty:
            return Written(
                self._model.name, self._kind, piece, Difference(), None, "", time.monotonic() - begun, note=note
            )
        fence.await_settled(rest, job, self._patience, self._tell)
        written = self._once(fence, rest, begun)
        return replace(written, note="; ".join(filter(None, (written.note, note)))) if days else written

    def _once(self, fence: Fence, piece: Scope, begun: float) -> Written:
        with computed(self._stack, self._declared, self._model, self._place, piece) as found:
            removes = self._kind is Kind.CORRECT and found.removes
            self._refuse(found, removes=removes)
            self._tell(f"  {piece}, by {found.engine}: {found.difference}")
            if found.difference.is_nothing_to(self._kind, removes=removes):
                return self._result(found, piece, begun, None)
            folder = self._record.staging
            removes = removes and found.difference.surplus > 0
            stage(folder, self._model, found.rows(self._kind), found.gone() if removes else None)
            self._refuse_foreign(fence, piece, found)
            self._record.begin_commit(self._model.name, piece)
            try:
                commit = Commit(found.snapshot, self._record.user)
                bring_in(
                    self._stack, self._model, folder, commit, overwrites=self._kind is Kind.REPLACE, removes=removes
                )
            finally:
                discard(folder)
            return self._result(found, piece, begun, self._own_snapshot(found))

    def _refuse_foreign(self, fence: Fence, piece: Scope, found: Computed) -> None:
        newest = FilesystemTableStore(self._stack.lake).latest_snapshot(self._model.name)
        if newest is None or newest.id == found.snapshot:
            return
        if numbers := fence.foreign(piece, found.snapshot, self._record.user):
            raise WrittenMeanwhile(
                f"{piece} of {self._model.name} was written into by snapshot {numbers[0]} while it was computed",
                left="nothing of it was written",
                next_command="the same command again",
            )

    def _own_snapshot(self, found: Computed) -> int:
        """The newest snapshot of our commit: by its user, or, of one that cannot say it, the newest of a batch."""
        commits = commits_from_newest(self._stack.lake, self._model.name, found.snapshot)
        own = self._own_snapshots(found) or [commit.snapshot for commit in commits if commit.checkpoint is None]
        if not own:
            raise HeadwaterError(
                f"The commit of the backfill of {self._model.name} is not among its snapshots",
                left="what Flink may have written",
                next_command="the same command again, which looks at every row",
            )
        return own[0]

    def _own_snapshots(self, found: Computed) -> list[int]:
        commits = commits_from_newest(self._stack.lake, self._model.name, found.snapshot)
        return [commit.snapshot for commit in commits if commit.user.startswith(self._record.user)]

    def _refuse(self, found: Computed, *, removes: bool) -> None:
        """What would take more away than anybody can mean."""
        difference, name = found.difference, self._model.name
        if self._kind is Kind.REPLACE and found.emptied:
            raise HeadwaterError(
                f"{', '.join(found.emptied[:5])} of {name} hold rows, and nothing was computed of them",
                left="nothing was written",
                next_command="look into its inputs; --kind correct leaves nothing out that is there",
            )
        if self._kind is Kind.REPLACE and found.lost and difference.surplus:
            raise HeadwaterError(
                f"{difference.surplus:,} rows of {name} come from records that {', '.join(found.lost)} no longer have,"
                " and would be lost",
                left="nothing was written",
                next_command="--kind correct, which leaves them as they are",
            )
        if removes and difference.surplus and not (difference.same or difference.changed or difference.missing):
            raise HeadwaterError(
                f"Nothing was computed for {name}, and {difference.surplus:,} rows would be removed",
                left="nothing was written",
                next_command="look into its inputs; --kind fill removes nothing",
            )

    def _result(self, found: Computed, piece: Scope, begun: float, snapshot: int | None) -> Written:
        surplus, note = found.difference.surplus, ""
        if surplus and self._kind is Kind.CORRECT and not found.removes:
            note = f"{surplus:,} surplus rows stay: {found.why_it_stays}"
        return Written(
            self._model.name,
            self._kind,
            piece,
            found.difference,
            snapshot,
            found.engine,
            time.monotonic() - begun,
            note=note,
            against=found.snapshot,
        )


def finished_before(stack: Stack, model: Model) -> date | None:
    """Of a table of windows, the day up to which its job has closed them; None for any other table.

    Raises HeadwaterError when the job has committed no watermark yet.
    """
    if not any(flow.time_columns for flow in model.flows):
        return None
    newest = FilesystemTableStore(stack.lake).latest_snapshot(model.name)
    if newest is None or newest.watermark is None:
        raise HeadwaterError(
            f"{model.name} holds windows, and its job has not said yet which of them are closed",
            left="nothing was written",
            next_command="wait for the job's first windows; headwater status",
        )
    return newest.watermark.date()
