"""Reports as partitioned assets: each run computes some local days of some markets over pinned snapshots."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import dagster as dg

from assets.lineage import COLUMN_LINEAGE, table_lineage
from assets.metadata import present, table_metadata
from assets.naming import owners, table_key
from assets.operation import one_operation
from assets.partitions import days_of_months, partition_key, partition_of, report_partitions, westmost
from assets.resources import REPORTER, Reporter
from headwater.batch import PartitionResult, ReportResult
from headwater.cost.bill import CPU_SECONDS
from headwater.model import Grain, Market, Model, TableName, Warehouse
from headwater.problem import HeadwaterError

ENGINE = "duckdb"

WHY = "headwater/why"
"""The tag of a run that says why it is: because a person asked for it, which goes without saying, or …"""
ASKED, SCHEDULED, REOPENED = "asked", "schedule", "late data"

# A month of one market in a run: few enough rows for one DuckDB process, and one commit instead of thirty.
_PARTITIONS_PER_RUN = 31


def reports_definitions(warehouse: Warehouse) -> list[dg.AssetsDefinition]:
    """The reports, as one op for each grain and start date: assets of one op share their partitions."""
    alike: dict[tuple[Grain, str], list[Model]] = {}
    for model in warehouse.reports:
        if model.schedule:
            alike.setdefault((model.grain, model.schedule.start_date), []).append(model)
    return [_definition(warehouse, grain, start, models) for (grain, start), models in alike.items()]


def op_name(start_date: str, grain: Grain = Grain.DAY) -> str:
    """The op of the reports of this grain that begin on this date."""
    return f"{'monthly_' if grain is Grain.MONTH else ''}reports_from_{start_date.replace('-', '_')}"


def _definition(warehouse: Warehouse, grain: Grain, start_date: str, reports: Sequence[Model]) -> dg.AssetsDefinition:
    partitions = report_partitions(warehouse.markets, start_date, grain)
    models = {table_key(model.name): model for model in reports}

    def compute(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        wanted = [partition_of(key) for key in context.partition_keys]
        reporter: Reporter = getattr(context.resources, REPORTER)
        why = context.run.tags.get(WHY, ASKED)
        for key, model in models.items():
            if key in context.selected_asset_keys:
                try:
                    result = reporter(model, wanted, asked=why == ASKED, only_corrections=why == REOPENED)
                except HeadwaterError as error:
                    raise dg.Failure(description=str(error)) from error
                if why == REOPENED:
                    _tell_corrections(context, warehouse, model, result)
                else:
                    yield _materialised(context, model, result)

    return one_operation(
        op_name(start_date, grain),
        compute,
        [_spec(warehouse, model, partitions) for model in models.values()],
        resources=(REPORTER,),
        pool=ENGINE,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=_PARTITIONS_PER_RUN),
        description="Computes report partitions over pinned snapshots, as `headwater backfill` does.",
    )


def _spec(warehouse: Warehouse, model: Model, partitions: dg.PartitionsDefinition) -> dg.AssetSpec:
    return dg.AssetSpec(
        table_key(model.name),
        deps=[_dependency(warehouse, model, name) for name in model.reads],
        description=model.description or None,
        group_name=model.name.layer.value,
        kinds={"paimon", ENGINE},
        owners=owners(model),
        code_version=warehouse.versions[model.name],
        metadata=table_metadata(model),
        partitions_def=partitions,
        freshness_policy=_freshness(model, warehouse.markets),
    )


def _dependency(warehouse: Warehouse, model: Model, name: TableName) -> dg.AssetDep | dg.AssetKey:
    is_of_days = name in warehouse and warehouse.model(name).is_report and warehouse.model(name).grain is Grain.DAY
    if model.grain is Grain.MONTH and is_of_days:
        return dg.AssetDep(table_key(name), partition_mapping=days_of_months())
    return table_key(name)


def _freshness(model: Model, markets: Sequence[Market]) -> dg.FreshnessPolicy | None:
    """Between the time at which reports are made, every day or every month, and the one by which they are promised.

    Dagster judges an asset as a whole, not its partitions, so the deadline is that of the westmost market, whose
    run is the last of each day's. Each market's own is in assets.deadlines.
    """
    if model.schedule is None or model.schedule.by is None or not markets:
        return None
    by, at = (datetime.combine(date.min, clock) for clock in (model.schedule.by, model.schedule.at))
    days = "1" if model.grain is Grain.MONTH else "*"
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"{by.minute} {by.hour} {days} * *", lower_bound_delta=by - at, timezone=westmost(markets).key
    )


def _materialised(context: dg.AssetExecutionContext, model: Model, result: ReportResult) -> dg.MaterializeResult[Any]:
    key = table_key(model.name)
    for part in result.partitions:
        context.add_asset_metadata(_of_partition(part), asset_key=key, partition_key=partition_key(part.partition))
    return dg.MaterializeResult(asset_key=key, metadata=_of_run(model, result))


def _tell_corrections(
    context: dg.AssetExecutionContext, warehouse: Warehouse, model: Model, result: ReportResult
) -> None:
    """Materialisations of the partitions that came out otherwise; the others of the run are as they were."""
    for part in result.partitions:
        context.log_event(
            dg.AssetMaterialization(
                table_key(model.name),
                partition=partition_key(part.partition),
                metadata={**_of_run(model, result), **_of_partition(part)},
                tags={"dagster/code_version": warehouse.versions[model.name]},
            )
        )
    context.log.info(f"{model.name}: {len(result.partitions)} of {len(context.partition_keys)} partitions corrected")


def _of_partition(part: PartitionResult) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": part.rows,
        "headwater/complete": part.complete,
        "headwater/reason": part.reason,
        "headwater/starts_at": part.starts_at.isoformat(),
        "headwater/ends_at": part.ends_at.isoformat(),
    }


def _of_run(model: Model, result: ReportResult) -> dict[str, Any]:
    return present(
        {
            "paimon/snapshot_id": result.snapshot_id,
            "headwater/rows_written": result.rows,
            "headwater/seconds": result.seconds,
            CPU_SECONDS: round(result.cpu_seconds, 3),
            "headwater/run": result.run.id,
            COLUMN_LINEAGE: table_lineage(model),
            **{f"headwater/input/{pin.table}": pin.snapshot.id for pin in result.run.inputs},
            **{f"headwater/read/{table}": str(served) for table, served in result.served.items()},
        }
    )
