"""Making a report again for the days that were made already."""

from collections.abc import Iterator, Sequence

from headwater.backfill.scope import Scope
from headwater.batch import Partition, ReportResult
from headwater.calendar import partitions
from headwater.model import Model, Warehouse
from headwater.stack import Stack
from resources.report import run_report

_AT_ONCE = 100


def make_again(stack: Stack, declared: Warehouse, model: Model, scope: Scope) -> tuple[ReportResult, ...]:
    """Compute the report's partitions that were made, some at a time, and write those that come out otherwise.

    Gives the runs that wrote something. Raises what `run_report` does.
    """
    markets = [market for market in declared.markets if not scope.markets or market.code in scope.markets]
    wanted = list(partitions(markets, scope.first, scope.last, model.grain))
    made = (
        run_report(stack, model, some, only_corrections=True, markets=declared.markets) for some in _batches(wanted)
    )
    return tuple(result for result in made if result.snapshot_id is not None)


def _batches(wanted: Sequence[Partition]) -> Iterator[Sequence[Partition]]:
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]
