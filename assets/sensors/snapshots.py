"""The lake's snapshots and the tables' lag as Dagster events.

A materialization says: the table holds what its sources have, as of now. So a stuck table whose job still commits is
only observed, and a quiet one, to which nothing is committed, is confirmed now and then.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import dagster as dg

from assets.freshness import freshness_evaluation, lag_metadata
from assets.lineage import COLUMN_LINEAGE, table_lineage
from assets.metadata import COLUMN_SCHEMA, SHORTEST_WINDOW, UPDATED_AT, actual_schema, present, timestamp
from assets.naming import table_key
from assets.resources import LAGS, TABLE_STORE, LagMeter
from headwater.engines import Snapshot, TableStore
from headwater.lag.hops import State, TableLag
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError

_INTERVAL_SECONDS = 10

# One tick stays far below the minute after which Dagster gives a sensor up, and below what its event log takes in.
_TICK_SECONDS = 15.0
_TICK_EVENTS = 200

# A table that is committed to every few seconds is told of this often: each event is a row of Dagster's for ever. A
# table with a tighter promise is told of more often, so that its badge does not turn between two events.
_PAUSE = timedelta(minutes=5)
# What says most of an event's bytes, the columns and where they come from, and what a check says, is said again this
# often though nothing has changed.
_REPEAT = timedelta(hours=1)

Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last told of a table. Times are seconds since 1970.

    Args:
        snapshot: The newest snapshot; 0 for none.
        told_at: When it was told.
        verdict: What its check said last, and at which hop; "" for nothing.
        judged_at: When.
        schema: The schema of which the columns were told last; -1 for none.
        described_at: When they were.
    """

    snapshot: int = 0
    told_at: float = 0.0
    verdict: str = ""
    judged_at: float = 0.0
    schema: int = -1
    described_at: float = 0.0

    def as_json(self) -> list[Any]:
        """For the cursor, which Dagster keeps of every tick: short."""
        return [self.snapshot, self.told_at, self.verdict, self.judged_at, self.schema, self.described_at]

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """What `as_json` gave; a cursor of before there were verdicts holds the snapshot alone."""
        return cls(told) if isinstance(told, int) else cls(*told)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One look over the tables.

    Args:
        events: What happened since the look before.
        seen: What is known of each table now, least recently looked at first.
        unreadable: A line for each table whose metadata could not be read.
    """

    events: tuple[Event, ...]
    seen: Mapping[str, Seen]
    unreadable: tuple[str, ...]


def snapshot_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor over all tables that streaming jobs write. Reports are materialised by their own runs."""

    @dg.sensor(
        name="snapshots",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys={TABLE_STORE, LAGS},
        description="Reports new Paimon snapshots as materializations, and how far each table is behind its sources.",
    )
    def snapshots(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        store: TableStore = getattr(context.resources, TABLE_STORE)
        measure: LagMeter = getattr(context.resources, LAGS)
        before = {name: Seen.from_json(entry) for name, entry in json.loads(context.cursor or "{}").items()}
        now = datetime.now(UTC)
        found = sweep(warehouse, store, measure(warehouse, now), before, now)
        for line in found.unreadable:
            context.log.warning(line)
        return dg.SensorResult(
            asset_events=found.events,
            cursor=json.dumps({name: seen.as_json() for name, seen in found.seen.items()}),
            skip_reason=f"{len(found.events)} events; {len(found.unreadable)} tables could not be read",
        )

    return snapshots


def sweep(
    warehouse: Warehouse,
    store: TableStore,
    lags: Sequence[TableLag],
    seen: Mapping[str, Seen],
    now: datetime,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Sweep:
    """Look at each table once, those not looked at for longest first, until time or room for events is used up.

    Any other snapshot id than the one seen before counts: it goes down when a table is rolled back or made anew.
    """
    started = clock()
    models = {str(model.name): model for model in warehouse.streaming}
    measured = {str(lag.table): lag for lag in lags}
    order = [name for name in models if name not in seen] + [name for name in seen if name in models]
    now_seen = {name: seen.get(name, Seen()) for name in order}
    events: list[Event] = []
    unreadable = []
    for name in order:
        if len(events) >= _TICK_EVENTS or clock() - started > _TICK_SECONDS:
            break
        known = now_seen.pop(name)
        try:
            told, known = _told(models[name], store, measured.get(name), known, now)
            events += told
        except (HeadwaterError, OSError) as error:
            unreadable.append(f"{name}: {error}")
        now_seen[name] = known
    return Sweep(tuple(events), now_seen, tuple(unreadable))


def _told(model: Model, store: TableStore, lag: TableLag | None, seen: Seen, now: datetime) -> tuple[list[Event], Seen]:
    """What there is to say of one table, and what is known of it then."""
    events: list[Event] = []
    snapshot = store.latest_snapshot(model.name)
    if snapshot is not None and _is_due(model, snapshot, lag, seen, now):
        is_described = snapshot.schema_id == seen.schema and not _is_long_ago(seen.described_at, now)
        events.append(_event(model, snapshot, lag, {} if is_described else _columns(model, store)))
        if not is_described:
            seen = replace(seen, schema=snapshot.schema_id, described_at=now.timestamp())
        seen = replace(seen, snapshot=snapshot.id, told_at=now.timestamp())
    if lag is not None and lag.state is not State.UNKNOWN:
        verdict = _verdict(lag)
        if verdict != seen.verdict or _is_long_ago(seen.judged_at, now):
            events.append(freshness_evaluation(lag))
            seen = replace(seen, verdict=verdict, judged_at=now.timestamp())
    return events, seen


def _is_due(model: Model, snapshot: Snapshot, lag: TableLag | None, seen: Seen, now: datetime) -> bool:
    """A snapshot is news after a pause; that a table is still complete is, before its badge would turn."""
    silence = now.timestamp() - seen.told_at
    window = max(model.freshness.fail_after, SHORTEST_WINDOW) if model.freshness else None
    pause = _PAUSE if window is None else min(_PAUSE, window / 4)
    if snapshot.id != seen.snapshot:
        return silence >= pause.total_seconds()
    is_complete = lag is not None and lag.state in (State.FRESH, State.QUIET)
    return is_complete and window is not None and silence >= window.total_seconds() / 2


def _is_long_ago(at: float, now: datetime) -> bool:
    return now.timestamp() - at >= _REPEAT.total_seconds()


def _columns(model: Model, store: TableStore) -> dict[str, Any]:
    table = store.table(model.name)
    return {COLUMN_SCHEMA: actual_schema(table) if table else None, COLUMN_LINEAGE: table_lineage(model)}


def _verdict(lag: TableLag) -> str:
    """What is news of a lag: another state, or another hop to blame."""
    if lag.state in (State.FRESH, State.QUIET):
        return lag.state.value
    return f"{lag.state.value} {lag.guilty.label if lag.guilty else lag.unmeasured}"


def _event(model: Model, snapshot: Snapshot, lag: TableLag | None, columns: Mapping[str, Any]) -> Event:
    """A materialization, or an observation of a stale table.

    Dagster takes the time of the report for the time of the data, and ignores observations there: a commit without
    data, or one found late after an outage of the sensor, would turn a stale table green.

    No data version is given. With one, each commit would mark every job and report downstream as out of date
    within seconds of its start, and a job is up to date as long as its declaration has not changed.
    """
    watermark_lag = lag.watermark_lag if lag else None
    metadata = present(
        {
            "paimon/snapshot_id": snapshot.id,
            "paimon/commit_kind": snapshot.kind,
            "paimon/watermark": timestamp(snapshot.watermark) if snapshot.watermark else None,
            "dagster/row_count": snapshot.rows,
            "headwater/lag_seconds": round(watermark_lag.total_seconds(), 3) if watermark_lag is not None else None,
            UPDATED_AT: timestamp(snapshot.committed_at),
            **columns,
            **(lag_metadata(lag) if lag else {}),
        }
    )
    key = table_key(model.name)
    if lag is not None and lag.state is State.STALE:
        return dg.AssetObservation(key, description="Committed to, and stale all the same.", metadata=metadata)
    return dg.AssetMaterialization(key, metadata=metadata)
