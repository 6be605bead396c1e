"""The snapshot sensor."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import count

import dagster as dg
import pytest

from assets.naming import table_key
from assets.resources import TABLE_STORE
from assets.sensors.snapshots import Sweep, sweep
from headwater.model import ChangelogProducer, Merge, Storage, TableName
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, DAILY, HITS, VISITORS, VISITS, source, streaming, warehouse
from tests.unit.assets.inmemory import NOW


def look(platform: Platform, seen: dict[str, int] | None = None) -> Sweep:
    return sweep(platform.warehouse, platform.store, seen or {}, NOW)


def commit(platform: Platform, name: TableName, snapshot_id: int, age: timedelta = timedelta(seconds=1)) -> None:
    platform.store.commit(platform.warehouse.model(name), snapshot_id, age=age)


def test_a_new_snapshot_is_a_materialization_of_its_table(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    (event,) = look(platform).events
    assert isinstance(event, dg.AssetMaterialization)
    assert event.asset_key == table_key(VISITS)
    metadata = event.metadata
    assert metadata["paimon/snapshot_id"].value == 8
    assert metadata["paimon/commit_kind"].value == "APPEND"
    assert metadata["dagster/row_count"].value == 800
    assert metadata["paimon/watermark"].value == (NOW - timedelta(seconds=3)).timestamp()
    assert metadata["dagster/last_updated_timestamp"].value == (NOW - timedelta(seconds=1)).timestamp()
    schema = metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    assert [column.name for column in schema.columns] == ["id", "market", "seen_at"]


def test_lag_is_event_time_beyond_the_declared_lateness(platform: Platform) -> None:
    commit(platform, VISITORS, 1, age=timedelta(seconds=58))
    (event,) = look(platform).events
    # Watermark 60 s ago; the source waits 20 s for late events, on purpose.
    assert event.metadata["headwater/lag_seconds"].value == 40


def test_a_table_without_a_watermark_has_no_lag(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    platform.store.snapshots[VISITS] = replace(platform.store.snapshots[VISITS], watermark=None)
    (event,) = look(platform).events
    assert not {"paimon/watermark", "headwater/lag_seconds"} & event.metadata.keys()


def test_a_snapshot_is_told_once(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    first = look(platform)
    assert look(platform, dict(first.seen)).events == ()
    commit(platform, VISITS, 11)
    (event,) = look(platform, dict(first.seen)).events
    assert event.metadata["paimon/snapshot_id"].value == 11


def test_a_table_made_anew_is_told_although_its_ids_start_over(platform: Platform) -> None:
    commit(platform, VISITS, 1)
    assert len(look(platform, {str(VISITS): 90}).events) == 1


def test_reports_are_left_to_their_own_runs(platform: Platform) -> None:
    commit(platform, DAILY, 5)
    assert look(platform).events == ()


@pytest.mark.parametrize(
    ("name", "age", "kind"),
    [
        (VISITS, timedelta(seconds=119), dg.AssetMaterialization),
        (VISITS, timedelta(seconds=121), dg.AssetObservation),
        # 20 s were declared; Dagster judges by a minute.
        (HITS, timedelta(seconds=59), dg.AssetMaterialization),
        (HITS, timedelta(seconds=61), dg.AssetObservation),
        # No promise, nothing to break.
        (VISITORS, timedelta(days=3), dg.AssetMaterialization),
    ],
)
def test_a_commit_older_than_the_freshness_window_is_only_observed(
    platform: Platform, name: TableName, age: timedelta, kind: type
) -> None:
    commit(platform, name, 3, age)
    (event,) = look(platform).events
    assert isinstance(event, kind)
    assert event.metadata["paimon/snapshot_id"].value == 3


def test_a_table_that_cannot_be_read_holds_up_no_other(platform: Platform) -> None:
    platform.store.broken.add(VISITS)
    commit(platform, HITS, 2)
    found = look(platform, {str(VISITS): 7})
    assert [event.asset_key for event in found.events] == [table_key(HITS)]
    assert found.unreadable == ("dwd.visits: dwd.visits: the snapshot file is torn",)
    assert found.seen[str(VISITS)] == 7


def test_a_slow_lake_is_looked_at_in_turns(platform: Platform) -> None:
    for name in (VISITS, VISITORS, HITS):
        commit(platform, name, 4)
    seen: dict[str, int] = {}
    told = []
    for _ in range(3):
        ticks = count(step=10)
        found = sweep(platform.warehouse, platform.store, seen, NOW, clock=lambda ticks=ticks: next(ticks))
        assert len(found.events) == 1
        told += [event.asset_key for event in found.events]
        seen = dict(found.seen)
    assert sorted(told) == sorted(map(table_key, (VISITS, VISITORS, HITS)))


def test_one_tick_reports_a_bounded_number_of_tables(platform: Platform) -> None:
    names = [TableName.parse(f"dwd.t{i}") for i in range(250)]
    platform.warehouse = warehouse(source(CLICKS), *(streaming(name, CLICKS) for name in names))
    for name in names:
        commit(platform, name, 1)
    first = look(platform)
    second = look(platform, dict(first.seen))
    assert (len(first.events), len(second.events)) == (200, 50)


def test_a_table_no_longer_declared_is_forgotten(platform: Platform) -> None:
    assert "dwd.gone" not in look(platform, {"dwd.gone": 4}).seen


def test_rejected_records_are_a_table_like_any_other(platform: Platform) -> None:
    rejected = TableName.parse("ods.rejected")
    stored = Storage(Merge.DEDUPLICATE, ChangelogProducer.NONE)
    platform.warehouse = warehouse(source(CLICKS), replace(streaming(rejected, CLICKS), storage=stored))
    commit(platform, rejected, 1)
    (event,) = look(platform).events
    assert event.asset_key == dg.AssetKey(["ods", "rejected"])


def test_the_sensor_keeps_what_it_saw_in_its_cursor(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    definition = platform.definitions().get_repository_def().get_sensor_def("snapshots")
    context = dg.build_sensor_context(
        instance=platform.instance,
        cursor=None,
        resources={TABLE_STORE: platform.store},
        definitions=platform.definitions(),
    )
    result = definition.evaluate_tick(context)
    assert json.loads(result.cursor or "")[str(VISITS)] == 8
    assert len(result.asset_events) == 1
