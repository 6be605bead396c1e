"""The check `fresh` of every table with a promise: its lag behind the sources, in Dagster's words."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.naming import table_key
from assets.operation import one_check_operation
from assets.resources import LAGS
from headwater.duration import format_duration
from headwater.lag.hops import HopKind, State, TableLag
from headwater.model import Warehouse

FRESH = "fresh"


def freshness_check(warehouse: Warehouse) -> dg.AssetChecksDefinition | None:
    """The check of every table with a promise, for who wants to know at once; the snapshot sensor tells of changes."""
    promised = {table_key(model.name): model for model in warehouse.streaming if model.freshness}
    if not promised:
        return None

    def evaluate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.asset_key for key in context.selected_asset_check_keys}
        for lag in getattr(context.resources, LAGS)(warehouse, datetime.now(UTC)):
            key = table_key(lag.table)
            if key in wanted:
                yield dg.AssetCheckResult(asset_key=key, check_name=FRESH, **_outcome(lag))

    return one_check_operation(
        "freshness",
        evaluate,
        [dg.AssetCheckSpec(FRESH, asset=key) for key in promised],
        resources=(LAGS,),
        description="Measures how far tables are behind their sources.",
    )


def freshness_evaluation(lag: TableLag) -> dg.AssetCheckEvaluation:
    """The check's result, as a sensor reports it."""
    return dg.AssetCheckEvaluation(asset_key=table_key(lag.table), check_name=FRESH, **_outcome(lag))


def told(lag: TableLag) -> str:
    """The lag in a sentence: how far, against which promise, and where the time goes."""
    if lag.behind is None:
        return f"cannot be measured: {lag.unmeasured}"
    promise = f"; promised are {format_duration(lag.promise.fail_after)}" if lag.promise else ""
    if lag.state is State.QUIET:
        return f"quiet: everything that the sources have is in the table{promise}"
    guilty = f"; the oldest waits at {lag.guilty.label}" if lag.guilty else ""
    unmeasured = f"; by the watermark alone, since {lag.unmeasured}" if lag.unmeasured else ""
    return f"{_seconds(lag.behind):g} s behind its sources{promise}{guilty}{unmeasured}"


def lag_metadata(lag: TableLag) -> Mapping[str, Any]:
    """Figures that Dagster plots over time. Of each kind of hop the slowest on the way to this table, in seconds."""
    figures = {f"headwater/lag/{kind.value}": _slowest(lag, kind) for kind in HopKind}
    found: dict[str, Any] = {name: value for name, value in figures.items() if value is not None}
    if lag.behind is not None:
        found["headwater/behind_seconds"] = _seconds(lag.behind)
    if lag.guilty is not None:
        found["headwater/slowest_hop"] = lag.guilty.label
    if lag.newest_event is not None:
        found["headwater/newest_event"] = dg.MetadataValue.timestamp(lag.newest_event)
    return found


def _outcome(lag: TableLag) -> dict[str, Any]:
    return {
        "passed": lag.state not in (State.LATE, State.STALE),
        "severity": dg.AssetCheckSeverity.ERROR if lag.state is State.STALE else dg.AssetCheckSeverity.WARN,
        "description": told(lag),
        "metadata": {"headwater/state": lag.state.value, **lag_metadata(lag)},
    }


def _slowest(lag: TableLag, kind: HopKind) -> float | None:
    return max((_seconds(hop.own) for hop in lag.hops if hop.kind is kind), default=None)


def _seconds(value: timedelta) -> float:
    return round(value.total_seconds(), 3)
