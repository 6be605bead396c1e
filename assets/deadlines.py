"""The check `on_time` of every report with a promise: whether each market's newest day is there by its deadline."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from assets.naming import table_key
from assets.operation import one_check_operation
from assets.partitions import partition_key
from headwater.batch import Partition
from headwater.deadline import Overdue, overdue
from headwater.model import Model, Warehouse

ON_TIME = "on_time"


def promised(warehouse: Warehouse) -> tuple[Model, ...]:
    """The reports with a promise."""
    return tuple(model for model in warehouse.reports if model.schedule and model.schedule.by)


def deadline_check(warehouse: Warehouse) -> dg.AssetChecksDefinition | None:
    """The check, for who wants to know at once; the sensor `deadlines` tells of every change."""
    reports = {table_key(model.name): model for model in promised(warehouse)}
    if not reports:
        return None

    def evaluate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for check in context.selected_asset_check_keys:
            late = late_partitions(context.instance, reports[check.asset_key], warehouse, datetime.now(UTC))
            yield dg.AssetCheckResult(
                asset_key=check.asset_key, check_name=ON_TIME, passed=not late, description=told(late)
            )

    return one_check_operation(
        "deadlines",
        evaluate,
        [dg.AssetCheckSpec(ON_TIME, asset=key) for key in reports],
        after=list(reports),
        description="Looks whether every market's report is there by its local deadline.",
    )


def late_partitions(
    instance: dg.DagsterInstance, model: Model, warehouse: Warehouse, now: datetime, since: datetime | None = None
) -> Sequence[Overdue]:
    """What was due and has not been made, by what Dagster knows."""
    if model.schedule is None:
        return ()
    made: Collection[str] = instance.get_materialized_partitions(table_key(model.name))
    return tuple(overdue(model.schedule, warehouse.markets, _among(made), now, since, model.grain))


def _among(made: Collection[str]) -> Callable[[Partition], bool]:
    return lambda partition: str(partition_key(partition)) in made


def evaluation(model: Model, late: Sequence[Overdue]) -> dg.AssetCheckEvaluation:
    """The check's result, as a sensor reports it."""
    return dg.AssetCheckEvaluation(
        asset_key=table_key(model.name), check_name=ON_TIME, passed=not late, description=told(late)
    )


def told(late: Sequence[Overdue]) -> str:
    """The result in words."""
    return "not made: " + "; ".join(map(str, late)) if late else "every market's newest day is there"
