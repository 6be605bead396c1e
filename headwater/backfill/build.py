"""Working out a backfill's stages: the table that was asked for, then every table downstream of it, in order."""

from dataclasses import dataclass

from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope, place_of
from headwater.backfill.stages import AwaitReader, BackfillPlan, MakeReport, Stage, WriteTable
from headwater.model import Merge, Model, TableName, Warehouse
from headwater.wallclock import wall_clock

REACH = 1
"""Days on either side on which an event of a day may have its consequences."""

DAYS_AT_ONCE = 31
"""Days that are written in one commit: a month, which memory holds."""


@dataclass(frozen=True, slots=True)
class Request:
    """A backfill as somebody asked for it.

    Args:
        model: A table that a stream keeps.
        kind: What is to be done to its rows.
        scope: Which rows.
        downstream: Tables that depend on it are looked at, too.
        reach: By how many days more, on either side.
        days_at_once: Days in one commit.
    """

    model: TableName
    kind: Kind
    scope: Scope
    downstream: bool = True
    reach: int = REACH
    days_at_once: int = DAYS_AT_ONCE


def build_backfill(warehouse: Warehouse, request: Request) -> BackfillPlan:
    """The stages, and what is refused. Nothing but the declarations is looked at."""
    model = warehouse.model(request.model)
    refusals = tuple(_refusals(warehouse, model, request))
    if refusals:
        return BackfillPlan((), refusals)
    stages: list[Stage] = [WriteTable(model, request.kind, tuple(request.scope.cut(request.days_at_once)))]
    if not request.downstream:
        return BackfillPlan(tuple(stages))
    reached: dict[TableName, Scope] = {model.name: request.scope}
    for name in warehouse.downstream(model.name):
        below = warehouse.model(name)
        upstream = tuple(table for table in below.reads if table in reached)
        scopes = [reached[table] for table in upstream]
        scope = Scope(
            min(each.first for each in scopes), max(each.last for each in scopes), request.scope.markets
        ).widened(request.reach)
        reached[name] = scope
        if below.is_report:
            stages.append(MakeReport(below, scope, upstream))
            continue
        stages.append(AwaitReader(below, upstream))
        if not tuple(_refusals(warehouse, below, request)):
            stages.append(WriteTable(below, Kind.CORRECT, tuple(scope.cut(request.days_at_once)), upstream))
    return BackfillPlan(tuple(stages))


def _refusals(warehouse: Warehouse, model: Model, request: Request) -> list[str]:
    place, kind = place_of(model), request.kind if model.name == request.model else Kind.CORRECT
    found = []
    if model.storage is None or model.storage.merge is Merge.APPEND or not model.key:
        found.append(
            f"{model.name} has no key, so the rows of its job and those of a backfill could not be told apart."
            f" headwater apply --rebuild {model.name} makes it anew"
        )
    elif place is None:
        found.append(
            f"{model.name} has no days: neither a DATE that it is partitioned by nor the instant of its event time is"
            f" part of its key. headwater apply --rebuild {model.name} makes all of it anew"
        )
    elif model.distributes is not None:
        found.append(
            f"a backfill is written to {model.name} alone, and those who read its topic «{model.distributes.name}»"
            f" would not see it. headwater apply --fresh {model.name} writes every row anew, to both"
        )
    elif kind is Kind.REPLACE:
        readers = warehouse.streams_over(model.name)
        if not place.is_partitioned:
            found.append(f"{model.name} is not partitioned by day, so no day of it can be replaced: --kind correct")
        if request.scope.markets and not place.has_market_partitions:
            found.append(f"{model.name} is not partitioned by market: leave --market out, or --kind correct")
        if readers:
            found.append(
                f"replaced partitions are not seen by jobs that read {model.name} as a stream:"
                f" {', '.join(map(str, readers))}. --kind correct writes changes, which they read"
            )
    for flow in model.flows:
        if flow.raw:
            found.append(f"{model.name} is kept by the platform, from records as they came")
        for word in wall_clock(flow.sql):
            found.append(f"{flow.file} calls {word}, so what it gives depends on when it is computed")
    return found
