"""Declared checks as asset checks: evaluated over one pinned snapshot, on demand and by a schedule."""

from collections.abc import Iterator

import dagster as dg

from assets.naming import table_key
from assets.operation import one_check_operation
from assets.resources import EXAMINER, TABLE_STORE
from headwater.engines import TableStore
from headwater.model import Accepted, Check, Model, NotNull, Warehouse
from headwater.problem import HeadwaterError

# A check reads the whole table: often enough to notice, seldom enough not to compete with the streams.
_EVERY = "17 * * * *"


def checks_definition(warehouse: Warehouse) -> dg.AssetChecksDefinition | None:
    """The checks that models declare, as one op; None when no model declares any."""
    models = {table_key(model.name): model for model in warehouse.models if model.checks}
    if not models:
        return None

    def evaluate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted: dict[dg.AssetKey, set[str]] = {}
        for check in context.selected_asset_check_keys:
            wanted.setdefault(check.asset_key, set()).add(check.name)
        for key, names in wanted.items():
            yield from _evaluate(context, key, models[key], names)

    return one_check_operation(
        "declared_checks",
        evaluate,
        [
            dg.AssetCheckSpec(check_name(check), asset=key, description=_description(check))
            for key, model in models.items()
            for check in model.checks
        ],
        after=[key for key, model in models.items() if model.is_report],
        resources=(TABLE_STORE, EXAMINER),
        description="Evaluates the checks that models declare over the newest snapshot of their tables.",
    )


def checks_schedule(definition: dg.AssetChecksDefinition) -> dg.ScheduleDefinition:
    """Every hour, all declared checks in one run."""
    return dg.ScheduleDefinition(
        name="declared_checks",
        target=dg.define_asset_job("declared_checks_job", dg.AssetSelection.checks(definition)),
        cron_schedule=_EVERY,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Evaluates every declared check, every hour.",
    )


def check_name(check: Check) -> str:
    """The check's name in Dagster."""
    if isinstance(check, NotNull):
        return "not_null_" + "_".join(check.columns)
    if isinstance(check, Accepted):
        return f"accepted_{check.column}"
    return check.name


def _evaluate(
    context: dg.AssetCheckExecutionContext, key: dg.AssetKey, model: Model, wanted: set[str]
) -> Iterator[dg.AssetCheckResult]:
    store: TableStore = getattr(context.resources, TABLE_STORE)
    try:
        snapshot = store.latest_snapshot(model.name)
        if snapshot is None:
            context.log.info(f"{model.name} has no commit yet; its checks are left alone")
            return
        outcomes = getattr(context.resources, EXAMINER)(model, snapshot.id)
    except HeadwaterError as error:
        raise dg.Failure(description=str(error)) from error
    for check, outcome in zip(model.checks, outcomes, strict=True):
        if check_name(check) in wanted:
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name=check_name(check),
                passed=outcome.passed,
                metadata={
                    "paimon/snapshot_id": snapshot.id,
                    "headwater/failing_rows": outcome.failing,
                    **({"headwater/sample": [dict(row) for row in outcome.sample]} if outcome.sample else {}),
                },
            )


def _description(check: Check) -> str:
    match check:
        case NotNull(columns):
            return f"{', '.join(columns)} never NULL"
        case Accepted(column, values):
            return f"{column} is one of {', '.join(values)}"
        case _:
            return f"{check.file.name} gives no row"
