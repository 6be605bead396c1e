"""What assets and sensors ask of the running systems, as Dagster resources that open only where they are used.

Nothing of an engine is imported before a run or a tick needs it: the code server stays small and starts fast.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from headwater.checks.outcome import Examined
from headwater.engines import ActualJob
from headwater.lag.hops import TableLag
from headwater.model import Model, TableName, Warehouse
from headwater.stack import Stack

if TYPE_CHECKING:
    from headwater.backfill.build import Request
    from headwater.backfill.stages import BackfillPlan
    from headwater.batch import Partition, ReportResult
    from headwater.cost.bill import Bill
    from headwater.upkeep.duty import Duty, Outcome
    from resources.backfill.run import Outcome as BackfillOutcome

TABLE_STORE = "table_store"
STREAM_ENGINE = "stream_engine"
DEPLOYER = "deployer"
REPORTER = "reporter"
EXAMINER = "examiner"
LAGS = "lags"
CARETAKER = "caretaker"
ACCOUNTANT = "accountant"
BACKFILLER = "backfiller"


class Deployed(Protocol):
    """What an apply did: a line for each stage, and the jobs that run now."""

    @property
    def stages(self) -> tuple[str, ...]:
        """A line for each stage; none when nothing was to do."""
        ...

    @property
    def jobs(self) -> Mapping[TableName, ActualJob]:
        """Every job that runs, by its model."""
        ...


class Deployer(Protocol):
    """What plans and applies."""

    def __call__(
        self, models: Collection[TableName], on_event: Callable[[str], None], *, as_it_was: bool = False
    ) -> Deployed:
        """Plan and apply some models, telling a line for each stage. Raises HeadwaterError.

        With `as_it_was` a job that has ended is started again and nothing else: what takes a decision is refused.
        """
        ...


class Reporter(Protocol):
    """What computes reports."""

    def __call__(
        self, model: Model, partitions: Sequence["Partition"], *, asked: bool, only_corrections: bool
    ) -> "ReportResult":
        """Compute partitions of a report over pinned snapshots and commit them. Raises HeadwaterError.

        Args:
            asked: A person asked for it, and not a schedule.
            only_corrections: Leave alone what has not been made yet, and what comes out as it is.
        """
        ...


class LagMeter(Protocol):
    """What measures how far tables are behind their sources."""

    def __call__(self, declared: Warehouse, now: datetime) -> Sequence[TableLag]:
        """The lag of every streaming table. A system that does not answer is part of the answer."""
        ...


class Examiner(Protocol):
    """What evaluates checks."""

    def __call__(self, model: Model, names: Collection[str]) -> Examined:
        """Evaluate some of a model's declared checks, by name. Raises HeadwaterError."""
        ...

    def is_due(self, model: Model) -> bool:
        """Something has come that a check of this model has not seen. Cheap: small files only."""
        ...


class Backfiller(Protocol):
    """What computes days of streams' tables again."""

    def plan(self, request: "Request") -> "BackfillPlan":
        """The stages; nothing is changed. Raises HeadwaterError."""
        ...

    def run(self, request: "Request", tell: Callable[[str], None], *, pauses: bool) -> "BackfillOutcome":
        """Carry them out, telling a line for each and for what takes time. Raises HeadwaterError."""
        ...


class Caretaker(Protocol):
    """What keeps the lake clean."""

    def __call__(self, duties: Collection["Duty"], on_outcome: Callable[["Outcome"], None]) -> Sequence["Outcome"]:
        """Do these duties on all tables, telling each outcome as it is known. Raises HeadwaterError."""
        ...


class Accountant(Protocol):
    """What measures costs."""

    def __call__(self) -> "Bill":
        """What every asset uses now. Raises HeadwaterError."""
        ...


def platform_resources(stack: Stack) -> dict[str, dg.ResourceDefinition]:
    """The resources of this stack."""

    def table_store(_: dg.InitResourceContext) -> object:
        from resources.paimon.store import FilesystemTableStore

        return FilesystemTableStore(stack.lake)

    def stream_engine(_: dg.InitResourceContext) -> Iterator[object]:
        from resources.deploy import engine

        with engine(stack) as opened:
            yield opened

    def deployer(_: dg.InitResourceContext) -> object:
        from resources.deploy import deploy, restart

        def deployed(
            models: Collection[TableName], on_event: Callable[[str], None], *, as_it_was: bool = False
        ) -> Deployed:
            return (restart if as_it_was else deploy)(stack, on_event, models=models)

        return deployed

    def reporter(_: dg.InitResourceContext) -> object:
        from resources.report import run_report

        return partial(run_report, stack)

    def examiner(_: dg.InitResourceContext) -> object:
        from resources.checks.examiner import StackExaminer

        return StackExaminer(stack)

    def lags(_: dg.InitResourceContext) -> LagMeter:
        from resources.lags import lags

        return lambda declared, now: lags(stack, declared, now)

    def caretaker(_: dg.InitResourceContext) -> object:
        from resources.upkeep.round import keep_clean

        return lambda duties, on_outcome: keep_clean(stack, duties, on_outcome=on_outcome)

    def backfiller(_: dg.InitResourceContext) -> Backfiller:
        from resources.backfill.run import StackBackfiller

        return StackBackfiller(stack)

    def accountant(_: dg.InitResourceContext) -> object:
        from resources.cost.bill import bill

        return lambda: bill(stack)

    functions = {
        TABLE_STORE: table_store,
        STREAM_ENGINE: stream_engine,
        DEPLOYER: deployer,
        REPORTER: reporter,
        EXAMINER: examiner,
        LAGS: lags,
        CARETAKER: caretaker,
        ACCOUNTANT: accountant,
        BACKFILLER: backfiller,
    }
    return {key: dg.ResourceDefinition(resource_fn=function) for key, function in functions.items()}
