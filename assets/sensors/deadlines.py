"""Reports that are not there by their local deadline, as results of their check `on_time`, when that changes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from assets.deadlines import evaluation, late_partitions, promised, told
from headwater.model import Warehouse

_INTERVAL_SECONDS = 60

# Where the cursor keeps since when promises are watched, among the reports' names.
_SINCE = "*"


def deadline_sensor(warehouse: Warehouse) -> dg.SensorDefinition:
    """The sensor over all reports with a promise. Only deadlines after its first tick count."""

    @dg.sensor(
        name="deadlines",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells when a market's report is not there by its local deadline.",
    )
    def deadlines(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        events, said = look(context.instance, warehouse, json.loads(context.cursor or "{}"), datetime.now(UTC))
        return dg.SensorResult(
            asset_events=events, cursor=json.dumps(said), skip_reason=f"{len(events)} reports have changed"
        )

    return deadlines


def look(
    instance: dg.DagsterInstance, warehouse: Warehouse, said: Mapping[str, str], now: datetime
) -> tuple[list[dg.AssetCheckEvaluation], dict[str, str]]:
    """What has changed of the reports, and what has been said of each then."""
    since = said.get(_SINCE, now.isoformat())
    kept, events = {_SINCE: since}, []
    for model in promised(warehouse):
        late = late_partitions(instance, model, warehouse, now, datetime.fromisoformat(since))
        kept[str(model.name)] = told(late)
        if said.get(str(model.name)) != kept[str(model.name)]:
            events.append(evaluation(model, late))
    return events, kept
