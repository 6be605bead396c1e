"""The CPU of report runs, from what Dagster has recorded of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from headwater.cost.bill import CPU_SECONDS
from headwater.cost.share import Pace
from headwater.model import Model, TableName
from headwater.stack import Stack
from resources.local.dagster import instance_folder

if TYPE_CHECKING:
    from dagster import DagsterInstance

WINDOW = timedelta(days=30)
_PAGE = 500


def run_paces(stack: Stack, reports: Sequence[Model], now: datetime) -> Mapping[TableName, Pace]:
    """The CPU of each report's runs in the last 30 days, or since the first of them when that was later.

    Runs by `headwater backfill` are no runs of Dagster and are not counted. A day is the shortest time that a rate is
    taken over: reports are made once a day.
    """
    folder = instance_folder(stack)
    if not reports or not (folder / "history").is_dir():
        return {}
    from dagster import DagsterInstance

    with DagsterInstance.from_config(str(folder)) as instance:
        found = {model.name: _pace(instance, model.name, now) for model in reports}
    return {name: pace for name, pace in found.items() if pace is not None}


def _pace(instance: "DagsterInstance", name: TableName, now: datetime) -> Pace | None:
    by_run: dict[str, float] = defaultdict(float)
    first = now
    for run, at, seconds in _runs(instance, name, now - WINDOW):
        # A run makes several partitions, and says of each what it used in all.
        by_run[run] = max(by_run[run], seconds)
        first = min(first, at)
    if not by_run:
        return None
    since = min(first, now - timedelta(days=1))
    total = sum(by_run.values())
    return Pace(total / (now - since).total_seconds(), since, total)


def _runs(instance: "DagsterInstance", name: TableName, since: datetime) -> Iterator[tuple[str, datetime, float]]:
    """Each materialization's run, time, and CPU seconds."""
    from dagster import AssetKey, AssetRecordsFilter

    wanted = AssetRecordsFilter(AssetKey([name.layer.value, name.table]), after_timestamp=since.timestamp())
    cursor = None
    while True:
        page = instance.fetch_materializations(wanted, limit=_PAGE, cursor=cursor)
        for record in page.records:
            materialization = record.asset_materialization
            entry = materialization.metadata.get(CPU_SECONDS) if materialization else None
            if entry is not None and isinstance(entry.value, int | float):
                yield record.run_id, datetime.fromtimestamp(record.timestamp, UTC), float(entry.value)
        if not page.has_more:
            return
        cursor = page.cursor
