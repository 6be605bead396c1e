"""What assets and sensors ask of the running systems, as Dagster resources that open only where they are used.

Nothing of an engine is imported before a run or a tick needs it: the code server stays small and starts fast.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from headwater.engines import ActualJob
from headwater.lag.hops import TableLag
from headwater.model import Model, TableName, Warehouse
from headwater.stack import Stack

if TYPE_CHECKING:
    from headwater.batch import Partition, ReportResult

TABLE_STORE = "table_store"
STREAM_ENGINE = "stream_engine"
DEPLOYER = "deployer"
REPORTER = "reporter"
EXAMINER = "examiner"
LAGS = "lags"


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

    def __call__(self, model: Model, partitions: Sequence["Partition"]) -> "ReportResult":
        """Compute partitions of a report over pinned snapshots and commit them. Raises HeadwaterError."""
        ...


class LagMeter(Protocol):
    """What measures how far tables are behind their sources."""

    def __call__(self, declared: Warehouse, now: datetime) -> Sequence[TableLag]:
        """The lag of every streaming table. A system that does not answer is part of the answer."""
        ...


class CheckOutcome(Protocol):
    """What a declared check found."""

    @property
    def passed(self) -> bool:
        """No row breaks it."""
        ...

    @property
    def failing(self) -> int:
        """Rows that break it."""
        ...

    @property
    def sample(self) -> Sequence[Mapping[str, str | None]]:
        """A few of them."""
        ...


class Examiner(Protocol):
    """What evaluates checks."""

    def __call__(self, model: Model, snapshot_id: int) -> Sequence[CheckOutcome]:
        """Evaluate a model's declared checks over one snapshot, in their order. Raises HeadwaterError."""
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

        return lambda model, partitions: run_report(stack, model, partitions)

    def examiner(_: dg.InitResourceContext) -> object:
        from resources.checks import evaluate

        return lambda model, snapshot_id: evaluate(stack, model, snapshot_id)

    def lags(_: dg.InitResourceContext) -> LagMeter:
        from resources.lags import lags

        return lambda declared, now: lags(stack, declared, now)

    functions = {
        TABLE_STORE: table_store,
        STREAM_ENGINE: stream_engine,
        DEPLOYER: deployer,
        REPORTER: reporter,
        EXAMINER: examiner,
        LAGS: lags,
    }
    return {key: dg.ResourceDefinition(resource_fn=function) for key, function in functions.items()}
