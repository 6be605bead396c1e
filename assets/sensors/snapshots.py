"""The lake's snapshots as Dagster events: one materialization for each table whose newest snapshot moved."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from assets.lineage import COLUMN_LINEAGE, table_lineage
from assets.metadata import COLUMN_SCHEMA, SHORTEST_WINDOW, UPDATED_AT, actual_schema, present, timestamp
from assets.naming import table_key
from assets.resources import TABLE_STORE
from headwater.engines import Snapshot, TableStore
from headwater.lag.event_time import event_time_lag
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError

_INTERVAL_SECONDS = 10

# One tick stays far below the minute after which Dagster gives a sensor up, and below what its event log takes in.
_TICK_SECONDS = 15.0
_TICK_EVENTS = 200

Event = dg.AssetMaterialization | dg.AssetObservation


@dataclass(frozen=True, slots=True)
class Sweep:
    """One look over the tables.

    Args:
        events: What happened since the look before.
        seen: The newest snapshot id known of each table, least recently looked at first; 0 for none.
        unreadable: A line for each table whose metadata could not be read.
    """

    events: tuple[Event, ...]
    seen: Mapping[str, int]
    unreadable: tuple[str, ...]


def snapshot_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor over all tables that streaming jobs write. Reports are materialised by their own runs."""

    @dg.sensor(
        name="snapshots",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={TABLE_STORE},
        description="Reports each new Paimon snapshot as a materialization of its table.",
    )
    def snapshots(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        store: TableStore = getattr(context.resources, TABLE_STORE)
        found = sweep(warehouse, store, json.loads(context.cursor or "{}"), datetime.now(UTC))
        for line in found.unreadable:
            context.log.warning(line)
        return dg.SensorResult(
            asset_events=found.events,
            cursor=json.dumps(found.seen),
            skip_reason=f"{len(found.events)} tables have a new snapshot; {len(found.unreadable)} could not be read",
        )

    return snapshots


def sweep(
    warehouse: Warehouse,
    store: TableStore,
    seen: Mapping[str, int],
    now: datetime,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Sweep:
    """Look at each table once, those not looked at for longest first, until time or room for events is used up.

    Any other snapshot id than the one seen before counts: it goes down when a table is rolled back or made anew.
    """
    started = clock()
    models_by_name = {str(model.name): model for model in warehouse.streaming}
    order = [name for name in models_by_name if name not in seen] + [name for name in seen if name in models_by_name]
    now_seen = {name: seen.get(name, 0) for name in order}
    events: list[Event] = []
    unreadable = []
    for name in order:
        if len(events) >= _TICK_EVENTS or clock() - started > _TICK_SECONDS:
            break
        known = now_seen.pop(name)
        now_seen[name] = known
        try:
            snapshot = store.latest_snapshot(models_by_name[name].name)
            if snapshot is not None and snapshot.id != known:
                events.append(_event(models_by_name[name], warehouse, snapshot, store, now))
                now_seen[name] = snapshot.id
        except (HeadwaterError, OSError) as error:
            unreadable.append(f"{name}: {error}")
    return Sweep(tuple(events), now_seen, tuple(unreadable))


def _event(model: Model, warehouse: Warehouse, snapshot: Snapshot, store: TableStore, now: datetime) -> Event:
    """A materialization, or an observation when the commit is older than the table's freshness window.

    Dagster takes the time of the report for the time of the data: a commit found late, after an outage of the
    sensor, would turn a stale table green. It ignores observations there.

    No data version is given. With one, each commit would mark every job and report downstream as out of date
    within seconds of its start, and a job is up to date as long as its declaration has not changed.
    """
    table = store.table(model.name)
    lag = event_time_lag(model, warehouse.model, snapshot, now)
    metadata = present(
        {
            "paimon/snapshot_id": snapshot.id,
            "paimon/commit_kind": snapshot.kind,
            "paimon/watermark": timestamp(snapshot.watermark) if snapshot.watermark else None,
            "dagster/row_count": snapshot.rows,
            "headwater/lag_seconds": round(lag.total_seconds(), 3) if lag is not None else None,
            UPDATED_AT: timestamp(snapshot.committed_at),
            COLUMN_SCHEMA: actual_schema(table) if table else None,
            COLUMN_LINEAGE: table_lineage(model),
        }
    )
    key = table_key(model.name)
    if model.freshness and now - snapshot.committed_at > max(model.freshness.fail_after, SHORTEST_WINDOW):
        return dg.AssetObservation(key, description="An older commit, found late.", metadata=metadata)
    return dg.AssetMaterialization(key, metadata=metadata)
