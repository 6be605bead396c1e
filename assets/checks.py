"""Declared checks as asset checks: those of all tables that changed in one run, every few minutes at most."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.naming import table_key
from assets.operation import one_check_operation
from assets.resources import EXAMINER
from headwater.checks.kinds import Check, Severity
from headwater.checks.outcome import Outcome
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError

# A run takes seconds and 200 MB of its own, whatever it reads: often enough to notice, and well within the hour for
# which snapshots are kept, so that the changes since the look before can be read by themselves.
_EVERY = "*/5 * * * *"
_JOB = "declared_checks_job"

_SEVERITIES = {Severity.WARN: dg.AssetCheckSeverity.WARN, Severity.ERROR: dg.AssetCheckSeverity.ERROR}
_UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


def checks_definition(warehouse: Warehouse) -> dg.AssetChecksDefinition | None:
    """The checks that models declare, as one op; None when no model declares any."""
    models = {table_key(model.name): model for model in warehouse.models if model.checks}
    if not models:
        return None

    def evaluate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted: dict[dg.AssetKey, set[str]] = {}
        for check in context.selected_asset_check_keys:
            wanted.setdefault(check.asset_key, set()).add(check.name)
        failures: list[str] = []
        for key, names in wanted.items():
            yield from _evaluate(context, key, models[key], names, failures)
        if failures:
            raise dg.Failure(description="\n".join(failures))

    return one_check_operation(
        "declared_checks",
        evaluate,
        [
            dg.AssetCheckSpec(check.name, asset=key, description=_description(check))
            for key, model in models.items()
            for check in model.checks
        ],
        after=[key for key, model in models.items() if model.is_report],
        resources=(EXAMINER,),
        description="Evaluates the checks that models declare, over what changed in their tables.",
    )


def checks_schedule(warehouse: Warehouse, definition: dg.AssetChecksDefinition) -> dg.ScheduleDefinition:
    """Every five minutes one run for the checks of all tables that have changed, unless one is still under way."""
    models = [model for model in warehouse.models if model.checks]

    @dg.schedule(
        name="declared_checks",
        job=dg.define_asset_job(_JOB, dg.AssetSelection.checks(definition)),
        cron_schedule=_EVERY,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        required_resource_keys={EXAMINER},
        description="Evaluates the declared checks of tables that have changed, every five minutes.",
    )
    def declared_checks(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        under_way = context.instance.get_runs(dg.RunsFilter(job_name=_JOB, statuses=_UNDER_WAY), limit=1)
        if under_way:
            return dg.SkipReason(f"run {under_way[0].run_id} still evaluates")
        due = [model for model in models if getattr(context.resources, EXAMINER).is_due(model)]
        if not due:
            return dg.SkipReason("no table has changed since its checks were evaluated")
        keys = [dg.AssetCheckKey(table_key(model.name), check.name) for model in due for check in model.checks]
        return dg.RunRequest(asset_check_keys=keys)

    return declared_checks


def _evaluate(
    context: dg.AssetCheckExecutionContext, key: dg.AssetKey, model: Model, names: set[str], failures: list[str]
) -> Iterator[dg.AssetCheckResult]:
    """The results of one table's checks; what cannot be evaluated is noted, so that other tables have their turn."""
    try:
        examined = getattr(context.resources, EXAMINER)(model, names)
    except HeadwaterError as error:
        failures.append(f"{model.name}: {error}")
        return
    failures.extend(f"{model.name}, {name}: {error}" for name, error in examined.failures)
    if not examined.outcomes and not examined.failures:
        context.log.info(f"{model.name} has no commit yet; its checks are left alone")
    for outcome in examined.outcomes:
        yield _result(key, outcome)


def _result(key: dg.AssetKey, outcome: Outcome) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        "paimon/snapshot_id": outcome.snapshot,
        "headwater/failing": outcome.failing,
        "headwater/counted": outcome.counted,
        "headwater/rows_read": outcome.read,
        "headwater/is_cut": outcome.is_cut,
    }
    if outcome.since is not None:
        metadata["headwater/after_snapshot_id"] = outcome.since
    if outcome.sample:
        metadata["headwater/sample"] = [dict(row) for row in outcome.sample]
    if outcome.said:
        metadata["headwater/said"] = outcome.said
    if outcome.check.blocking:
        metadata["headwater/blocking"] = True
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=outcome.check.name,
        passed=outcome.passed,
        severity=_SEVERITIES[outcome.check.severity],
        metadata=metadata,
    )


def _description(check: Check) -> str:
    return f"{check.asks}; while it fails no report is made of the table" if check.blocking else str(check.asks)
