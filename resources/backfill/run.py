"""A whole backfill: its stages one after the other, with a record from which it goes on after a kill."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.backfill.build import Request, build_backfill
from headwater.backfill.scope import Scope, place_of
from headwater.backfill.stages import AwaitReader, BackfillPlan, MakeReport, WriteTable
from headwater.model import TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.alone import alone
from resources.backfill.fence import Fence
from resources.backfill.pause import start_again
from resources.backfill.record import Record, begin
from resources.backfill.table import PATIENCE, TableBackfill, Written, finished_before
from resources.declarations import warehouse
from resources.paimon.writer import writing

if TYPE_CHECKING:
    from headwater.batch import ReportResult

_LOCK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a backfill did.

    Args:
        written: Each piece of each table that a stream keeps, in order; pieces that an earlier process had done are not
            among them.
        reports: The runs that made reports again.
        skipped: Tables that were not looked at, since nothing was changed in what they read.
    """

    written: tuple[Written, ...] = ()
    reports: "tuple[ReportResult, ...]" = ()
    skipped: tuple[TableName, ...] = ()


def plan_backfill(stack: Stack, request: Request) -> BackfillPlan:
    """The stages, as `run_backfill` carries them out. Nothing is changed.

    Raises HeadwaterError when the model is not declared, or none of the days of a table of windows is over.
    """
    declared = warehouse(stack)
    plan = build_backfill(declared, request)
    stages = []
    for stage in plan.stages:
        if not isinstance(stage, WriteTable):
            stages.append(stage)
            continue
        closed = finished_before(stack, stage.model)
        pieces = stage.pieces if closed is None else tuple(p for s in stage.pieces if (p := s.before(closed)))
        if pieces:
            stages.append(WriteTable(stage.model, stage.kind, pieces, stage.upstream))
        elif stage.upstream is None:
            return BackfillPlan(
                (), (f"windows of {stage.scope.first} are still open: {stage.table} is closed up to {closed}",)
            )
    return BackfillPlan(tuple(stages), plan.refusals)


def run_backfill(
    stack: Stack,
    request: Request,
    tell: Callable[[str], None],
    *,
    pauses: bool = False,
    patience: float = PATIENCE,
) -> Outcome:
    """Carry out a backfill. The same request again goes on where an earlier process was cut off.

    Args:
        tell: Told a line for each stage, and for what takes time.
        pauses: Jobs may be stopped with a savepoint for the moment of a commit, where they write the same partitions.
        patience: Seconds to wait until a job leaves partitions alone, where it may not be stopped.

    Raises HeadwaterError; what was written stays, and is on record.
    """
    declared = warehouse(stack)
    planned = plan_backfill(stack, request)
    if planned.refusals:
        raise HeadwaterError(
            f"{request.model} cannot be backfilled like that:\n" + "\n".join(f"  {line}" for line in planned.refusals),
            left="nothing was changed",
            next_command="ask for it otherwise",
        )
    with alone(stack, f"backfill-{request.model}", _under_way(request.model)):
        record = begin(stack, request)
        if record.resumed:
            tell(f"going on with the backfill that was cut off (pieces done: {len(record.done)})")
        if record.paused:
            start_again(stack, TableName.parse(record.paused), tell)
            record.pause(None)
        run = _Run(stack, declared, request, record, tell, pauses=pauses, patience=patience)
        for stage in planned.stages:
            run.carry_out(stage)
        record.close()
        return run.outcome


class StackBackfiller:
    """Plans and runs backfills on one stack, for Dagster."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def plan(self, request: Request) -> BackfillPlan:
        """See plan_backfill."""
        return plan_backfill(self._stack, request)

    def run(self, request: Request, tell: Callable[[str], None], *, pauses: bool) -> Outcome:
        """See run_backfill."""
        return run_backfill(self._stack, request, tell, pauses=pauses)


class _Run:
    """The stages of one backfill, and what was changed so far."""

    def __init__(
        self,
        stack: Stack,
        declared: Warehouse,
        request: Request,
        record: Record,
        tell: Callable[[str], None],
        *,
        pauses: bool,
        patience: float,
    ) -> None:
        self._stack = stack
        self._declared = declared
        self._request = request
        self._record = record
        self._tell = tell
        self._pauses = pauses
        self._patience = patience
        self._changed: dict[TableName, Scope] = {}
        self.outcome = Outcome()

    def carry_out(self, stage: WriteTable | AwaitReader | MakeReport) -> None:
        """Carry out one stage. Raises HeadwaterError."""
        scope = None
        if stage.upstream is not None:
            scope = self._touched(stage.upstream)
            if scope is None:
                self._skip(stage.table)
                return
        self._tell(stage.describe())
        if isinstance(stage, AwaitReader):
            self._await_reader(stage)
        elif isinstance(stage, MakeReport):
            self._make_report(stage, scope or stage.scope)
        else:
            self._write(stage, scope)

    def _write(self, stage: WriteTable, scope: Scope | None) -> None:
        pieces = tuple(piece for piece in stage.pieces if scope is None or _meet(piece, scope))
        narrowed = WriteTable(stage.model, stage.kind, pieces, stage.upstream)
        with writing(self._stack.home, stage.table, _LOCK_SECONDS):
            backfill = TableBackfill(
                self._stack,
                self._declared,
                narrowed,
                self._record,
                self._tell,
                pauses=self._pauses,
                patience=self._patience,
            )
            written = backfill.run()
        for piece in pieces:
            if self._record.may_be_written(stage.table, piece):
                self._change(stage.table, piece)
        for each in written:
            if each.note:
                self._tell(f"  {each.note}")
        self.outcome = Outcome(self.outcome.written + written, self.outcome.reports, self.outcome.skipped)

    def _await_reader(self, stage: AwaitReader) -> None:
        place = place_of(stage.model)
        if place is None:
            self._change_all(stage)
            return
        with closing(Fence(self._stack, stage.model, place)) as fence:
            for table in stage.upstream:
                if table in self._changed:
                    fence.await_read(table)

    def _make_report(self, stage: MakeReport, scope: Scope) -> None:
        from resources.backfill.reports import make_again

        made = make_again(self._stack, self._declared, stage.model, scope)
        for result in made:
            self._change(stage.table, scope)
            self._tell(f"  {len(result.partitions)} partitions came out otherwise, snapshot {result.snapshot_id}")
        if not made:
            self._tell("  those that were made come out as they are")
        self.outcome = Outcome(self.outcome.written, self.outcome.reports + made, self.outcome.skipped)

    def _touched(self, upstream: tuple[TableName, ...]) -> Scope | None:
        """The days that a change upstream can touch; None when there is none."""
        scopes = [self._changed[table] for table in upstream if table in self._changed]
        if not scopes:
            return None
        first, last = min(scope.first for scope in scopes), max(scope.last for scope in scopes)
        return Scope(first, last, self._request.scope.markets).widened(self._request.reach)

    def _change(self, table: TableName, piece: Scope) -> None:
        known = self._changed.get(table, piece)
        self._changed[table] = Scope(min(known.first, piece.first), max(known.last, piece.last), piece.markets)

    def _change_all(self, stage: AwaitReader) -> None:
        """A table without days follows by its job alone; what reads it is looked at for the same days."""
        scope = self._touched(stage.upstream)
        if scope is not None:
            self._change(stage.table, scope)
            self._tell(f"  {stage.table} has no days: its job alone keeps it")

    def _skip(self, table: TableName) -> None:
        if table not in self.outcome.skipped:
            self.outcome = Outcome(self.outcome.written, self.outcome.reports, (*self.outcome.skipped, table))


def _meet(one: Scope, other: Scope) -> bool:
    return one.first <= other.last and other.first <= one.last


def _under_way(table: TableName) -> HeadwaterError:
    return HeadwaterError(
        f"Another backfill of {table} is under way",
        left="nothing was changed by this one",
        next_command="wait for it, or stop it; what it has written stays",
    )
