"""Upkeep of the lake as assets: one for each duty, each over all tables, made together by one run each night."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from assets.naming import job_key
from assets.operation import one_operation
from assets.resources import ACCOUNTANT, CARETAKER, Accountant, Caretaker
from headwater.cost.bill import Bill, Usage
from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.upkeep.duty import Duty, Outcome
from headwater.upkeep.quiet import quiet_hour

GROUP = "maintenance"
HEALTHY = "healthy"
COSTS = dg.AssetKey([GROUP, "costs"])

_SHOWN = 30
_SAID = {
    Duty.EXPIRY: "Snapshots of reports and left-behind tags, expired. Streams expire their own tables' snapshots.",
    Duty.COMPACTION: "How well tables are compacted. Reports are compacted here, other tables by their own jobs.",
    Duty.ORPHANS: "Files that no snapshot and no tag needs, a week old at least, removed after a dry run.",
}


def duty_key(duty: Duty) -> dg.AssetKey:
    """The asset of a duty: `maintenance/expiry`."""
    return dg.AssetKey([GROUP, duty.value])


def maintenance_definition(warehouse: Warehouse) -> dg.AssetsDefinition:
    """The duties and the costs, as one op: a run does those that were selected, table by table."""

    def keep(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        duties = [duty for duty in Duty if duty_key(duty) in context.selected_asset_keys]
        outcomes = _kept(context, duties) if duties else ()
        for duty in duties:
            of_duty = [outcome for outcome in outcomes if outcome.duty is duty]
            yield dg.MaterializeResult(asset_key=duty_key(duty), metadata=_metadata(of_duty))
            if dg.AssetCheckKey(duty_key(duty), HEALTHY) in context.selected_asset_check_keys:
                yield _check(duty, of_duty)
        if COSTS in context.selected_asset_keys:
            yield _billed(context, warehouse)

    return one_operation(
        GROUP,
        keep,
        [
            *(
                dg.AssetSpec(duty_key(duty), description=_SAID[duty], group_name=GROUP, kinds={"paimon"})
                for duty in Duty
            ),
            dg.AssetSpec(
                COSTS, description="What each table and its job cost, as `headwater cost` shows.", group_name=GROUP
            ),
        ],
        checks=[dg.AssetCheckSpec(HEALTHY, asset=duty_key(duty)) for duty in Duty],
        resources=(CARETAKER, ACCOUNTANT),
        pool=GROUP,
        description="Keeps the lake clean, as `headwater maintain` does, and measures what it costs.",
    )


def maintenance_schedule(definition: dg.AssetsDefinition, warehouse: Warehouse) -> dg.ScheduleDefinition:
    """Once a day, at the hour in which the fewest markets are awake, all in one run."""
    return dg.ScheduleDefinition(
        name=GROUP,
        target=dg.define_asset_job("maintenance_job", dg.AssetSelection.assets(definition)),
        cron_schedule=f"40 {quiet_hour(warehouse.markets)} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Keeps the lake clean, every night.",
    )


def _kept(context: dg.AssetExecutionContext, duties: Sequence[Duty]) -> Sequence[Outcome]:
    caretaker: Caretaker = getattr(context.resources, CARETAKER)

    def tell(outcome: Outcome) -> None:
        said = "; ".join(part for part in (outcome.done, outcome.left, outcome.fault) if part)
        if said:
            context.log.info(f"{outcome.duty.value} {outcome.table}: {said}")

    try:
        return caretaker(duties, tell)
    except HeadwaterError as error:
        raise dg.Failure(description=str(error)) from error


def _billed(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[Any]:
    """The bill, of which each job's part is told of the job."""
    accountant: Accountant = getattr(context.resources, ACCOUNTANT)
    try:
        bill = accountant()
    except HeadwaterError as error:
        raise dg.Failure(description=str(error)) from error
    streams = {model.name for model in warehouse.streaming}
    for usage in bill.assets:
        if usage.model in streams:
            context.log_event(dg.AssetObservation(job_key(usage.model), metadata=_usage(bill, usage)))
    return dg.MaterializeResult(asset_key=COSTS, metadata=_costs(bill))


def _metadata(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Totals over all tables before and after, and a line for each table about which there is something to say."""
    figures: dict[str, int] = defaultdict(int)
    for outcome in outcomes:
        for when, files in (("before", outcome.before), ("after", outcome.after)):
            figures[f"headwater/snapshots_{when}"] += files.snapshots
            figures[f"headwater/tags_{when}"] += len(files.tags)
            figures[f"headwater/files_{when}"] += files.files
            figures[f"headwater/bytes_{when}"] += files.bytes
            figures[f"headwater/held_bytes_{when}"] += files.held_bytes
            figures[f"headwater/level0_{when}"] += files.level0
    said = [outcome for outcome in outcomes if outcome.done or outcome.left or outcome.fault]
    lines = [f"- {outcome.table}: {outcome.fault or outcome.left or outcome.done}" for outcome in said[:_SHOWN]]
    if len(said) > _SHOWN:
        lines.append(f"- and {len(said) - _SHOWN} tables more: see the run's log")
    return {
        **figures,
        "headwater/tables": len(outcomes),
        "headwater/found": sum(outcome.found for outcome in outcomes),
        "headwater/found_bytes": sum(outcome.found_bytes for outcome in outcomes),
        "headwater/done": dg.MetadataValue.md("\n".join(lines) or "nothing to do"),
    }


def _check(duty: Duty, outcomes: Sequence[Outcome]) -> dg.AssetCheckResult:
    faults = [outcome for outcome in outcomes if outcome.fault]
    missing = any(outcome.after.missing for outcome in faults)
    return dg.AssetCheckResult(
        asset_key=duty_key(duty),
        check_name=HEALTHY,
        passed=not faults,
        severity=dg.AssetCheckSeverity.ERROR if missing else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{outcome.table}: {outcome.fault}" for outcome in faults[:_SHOWN])
        or "all tables are well",
    )


def _usage(bill: Bill, usage: Usage) -> dict[str, Any]:
    charge = bill.charge(usage)
    figures: dict[str, Any] = {
        "headwater/cpu_share": round(bill.cpu_share(usage), 4),
        "headwater/cores": round(usage.cores, 4),
        "headwater/state_bytes": usage.state_bytes,
        "headwater/state_kept_bytes": usage.kept_bytes,
        "headwater/table_bytes": usage.table_bytes,
        "headwater/table_files": usage.table.files if usage.table else 0,
        "headwater/held_bytes": usage.table.held_bytes if usage.table else 0,
    }
    if usage.cpu:
        figures["headwater/cpu_since"] = dg.MetadataValue.timestamp(usage.cpu.since)
    if charge and bill.prices:
        figures |= {"headwater/month": round(charge.total, 2), "headwater/currency": bill.prices.currency}
    return figures


def _costs(bill: Bill) -> dict[str, Any]:
    money = f"{bill.prices.currency} a month" if bill.prices else "money: no prices are declared"
    lines = [f"| table | {money} | cores | state MB | table MB | held MB |", "|---|---:|---:|---:|---:|---:|"]
    for usage in bill.assets[:_SHOWN]:
        charge = bill.charge(usage)
        held = usage.table.held_bytes if usage.table else 0
        sizes = " | ".join(f"{size / 1e6:,.1f}" for size in (usage.kept_bytes, usage.table_bytes, held))
        lines.append(f"| {usage.model} | {f'{charge.total:,.2f}' if charge else '–'} | {usage.cores:.3f} | {sizes} |")
    figures: dict[str, Any] = {
        "headwater/cores": round(sum(usage.cores for usage in bill.assets), 4),
        "headwater/overhead_cores": round(sum(each.cores for each in bill.overhead), 4),
        "headwater/state_kept_bytes": sum(usage.kept_bytes for usage in bill.assets),
        "headwater/table_bytes": sum(usage.table_bytes for usage in bill.assets),
        "headwater/costs": dg.MetadataValue.md("\n".join(lines)),
    }
    charges = [charge for usage in bill.assets if (charge := bill.charge(usage))]
    if bill.prices:
        figures |= {
            "headwater/month": round(sum(charge.total for charge in charges), 2),
            "headwater/currency": bill.prices.currency,
        }
    return figures
