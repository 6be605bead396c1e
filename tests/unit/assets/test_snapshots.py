"""The snapshot sensor."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import dagster as dg

from assets.naming import table_key
from assets.resources import LAGS, TABLE_STORE
from assets.sensors.snapshots import Seen, Sweep, sweep
from headwater.model import ChangelogProducer, Merge, Storage, TableName
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, DAILY, HITS, VISITORS, VISITS, source, streaming, warehouse
from tests.unit.assets.inmemory import NOW

Event = dg.AssetMaterialization | dg.AssetObservation
LATER = timedelta(minutes=2)


def look(platform: Platform, seen: Mapping[str, Seen] | None = None, now: datetime = NOW) -> Sweep:
    """One look of the sensor; its lags are those of the moment."""
    return sweep(platform.warehouse, platform.store, platform.lags(platform.warehouse, now), seen or {}, now)


def commits(found: Sweep) -> list[Event]:
    return [event for event in found.events if not isinstance(event, dg.AssetCheckEvaluation)]


def checks(found: Sweep) -> list[dg.AssetCheckEvaluation]:
    return [event for event in found.events if isinstance(event, dg.AssetCheckEvaluation)]


def commit(platform: Platform, name: TableName, snapshot_id: int, age: timedelta = timedelta(seconds=1)) -> None:
    platform.store.commit(platform.warehouse.model(name), snapshot_id, age=age)


def test_a_new_snapshot_is_a_materialization_of_its_table(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    (event,) = commits(look(platform))
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


def test_a_materialization_says_how_far_the_table_is_behind(platform: Platform) -> None:
    platform.lags.behind[VISITORS] = timedelta(seconds=3)
    commit(platform, VISITORS, 1)
    (event,) = commits(look(platform))
    told = {name: event.metadata[f"headwater/{name}"].value for name in ("lag_seconds", "behind_seconds", "lag/read")}
    assert told == {"lag_seconds": 40, "behind_seconds": 3, "lag/read": 3}
    assert event.metadata["headwater/slowest_hop"].value == "ods.users → dwd.visitors, read"


def test_a_table_without_a_watermark_says_none(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    platform.store.snapshots[VISITS] = replace(platform.store.snapshots[VISITS], watermark=None)
    (event,) = commits(look(platform))
    assert "paimon/watermark" not in event.metadata


def test_a_snapshot_is_told_once(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    first = look(platform)
    assert commits(look(platform, first.seen, NOW + timedelta(seconds=40))) == []
    commit(platform, VISITS, 11)
    (event,) = commits(look(platform, first.seen, NOW + LATER))
    assert event.metadata["paimon/snapshot_id"].value == 11


def test_a_table_that_is_committed_to_all_the_time_is_told_of_now_and_then(platform: Platform) -> None:
    commit(platform, VISITORS, 8)
    seen = look(platform).seen
    commit(platform, VISITORS, 9)
    assert commits(look(platform, seen, NOW + timedelta(seconds=299))) == []
    assert len(commits(look(platform, seen, NOW + timedelta(seconds=300)))) == 1


def test_a_table_with_a_tight_promise_is_told_of_more_often(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    seen = look(platform).seen
    commit(platform, VISITS, 9)
    assert commits(look(platform, seen, NOW + timedelta(seconds=29))) == []
    assert len(commits(look(platform, seen, NOW + timedelta(seconds=30)))) == 1


def test_columns_are_told_once_an_hour_and_when_they_change(platform: Platform) -> None:
    def told(seen: Mapping[str, Seen], later: timedelta) -> tuple[bool, Mapping[str, Seen]]:
        platform.store.commit(platform.warehouse.model(VISITS), int(later.total_seconds()) + 9)
        found = look(platform, seen, NOW + later)
        (event,) = commits(found)
        return "dagster/column_schema" in event.metadata and "dagster/column_lineage" in event.metadata, found.seen

    is_first, seen = told({}, timedelta(0))
    is_second, seen = told(seen, timedelta(minutes=30))
    is_later, seen = told(seen, timedelta(minutes=61))
    assert (is_first, is_second, is_later) == (True, False, True)
    changed = {name: replace(each, schema=7) for name, each in seen.items()}
    assert told(changed, timedelta(minutes=70))[0]


def test_a_table_made_anew_is_told_although_its_ids_start_over(platform: Platform) -> None:
    commit(platform, VISITS, 1)
    assert len(commits(look(platform, {str(VISITS): Seen(90)}))) == 1


def test_a_quiet_table_is_confirmed_before_its_badge_turns(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    seen = look(platform).seen
    platform.lags.quiet.add(VISITS)
    assert commits(look(platform, seen, NOW + timedelta(seconds=59))) == []
    (event,) = commits(look(platform, seen, NOW + timedelta(seconds=60)))
    assert isinstance(event, dg.AssetMaterialization)


def test_commits_of_a_stale_table_are_only_observed(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    seen = look(platform).seen
    platform.lags.behind[VISITS] = timedelta(minutes=5)
    commit(platform, VISITS, 9)
    (event,) = commits(look(platform, seen, NOW + LATER))
    assert isinstance(event, dg.AssetObservation)
    assert event.metadata["paimon/snapshot_id"].value == 9


def test_a_stale_table_without_commits_is_not_confirmed(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    seen = look(platform).seen
    platform.lags.behind[VISITS] = timedelta(minutes=5)
    assert commits(look(platform, seen, NOW + timedelta(hours=1))) == []


def test_the_check_is_told_when_it_changes_and_names_the_hop(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    first = look(platform)
    (fresh,) = [check for check in checks(first) if check.asset_key == table_key(VISITS)]
    assert fresh.passed
    assert checks(look(platform, first.seen, NOW + timedelta(seconds=10))) == []
    platform.lags.behind[VISITS] = timedelta(minutes=5)
    second = look(platform, first.seen, NOW + timedelta(seconds=20))
    (stale,) = checks(second)
    assert (stale.passed, stale.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert stale.description == (
        "300 s behind its sources; promised are 2m; the oldest waits at ods.clicks → dwd.visits, read"
    )
    assert checks(look(platform, second.seen, NOW + timedelta(seconds=30))) == []


def test_the_check_is_repeated_so_that_its_figures_stay_readable(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    first = look(platform)
    again = checks(look(platform, first.seen, NOW + timedelta(hours=1)))
    assert table_key(VISITS) in [check.asset_key for check in again]


def test_a_table_without_a_promise_has_no_verdict(platform: Platform) -> None:
    commit(platform, VISITORS, 8)
    platform.lags.behind[VISITORS] = timedelta(days=1)
    assert table_key(VISITORS) not in [check.asset_key for check in checks(look(platform))]


def test_reports_are_left_to_their_own_runs(platform: Platform) -> None:
    commit(platform, DAILY, 5)
    assert commits(look(platform)) == []


def test_a_table_that_cannot_be_read_holds_up_no_other(platform: Platform) -> None:
    platform.store.broken.add(VISITS)
    commit(platform, HITS, 2)
    found = look(platform, {str(VISITS): Seen(7)})
    assert [event.asset_key for event in commits(found)] == [table_key(HITS)]
    assert found.unreadable == ("dwd.visits: dwd.visits: the snapshot file is torn",)
    assert found.seen[str(VISITS)].snapshot == 7


def test_a_slow_lake_is_looked_at_in_turns(platform: Platform) -> None:
    for name in (VISITS, VISITORS, HITS):
        commit(platform, name, 4)
    seen: Mapping[str, Seen] = {}
    told = []
    for _ in range(3):
        ticks = count(step=10)
        found = sweep(platform.warehouse, platform.store, (), seen, NOW, clock=lambda ticks=ticks: next(ticks))
        assert len(found.events) == 1
        told += [event.asset_key for event in found.events]
        seen = found.seen
    assert sorted(told) == sorted(map(table_key, (VISITS, VISITORS, HITS)))


def test_one_tick_reports_a_bounded_number_of_tables(platform: Platform) -> None:
    names = [TableName.parse(f"dwd.t{i}") for i in range(250)]
    platform.warehouse = warehouse(source(CLICKS), *(streaming(name, CLICKS) for name in names))
    for name in names:
        commit(platform, name, 1)
    first = look(platform)
    second = look(platform, first.seen)
    assert (len(first.events), len(second.events)) == (200, 50)


def test_a_table_no_longer_declared_is_forgotten(platform: Platform) -> None:
    assert "dwd.gone" not in look(platform, {"dwd.gone": Seen(4)}).seen


def test_rejected_records_are_a_table_like_any_other(platform: Platform) -> None:
    rejected = TableName.parse("ods.rejected")
    stored = Storage(Merge.DEDUPLICATE, ChangelogProducer.NONE)
    platform.warehouse = warehouse(source(CLICKS), replace(streaming(rejected, CLICKS), storage=stored))
    commit(platform, rejected, 1)
    (event,) = commits(look(platform))
    assert event.asset_key == dg.AssetKey(["ods", "rejected"])


def test_the_sensor_keeps_what_it_saw_in_its_cursor(platform: Platform) -> None:
    commit(platform, VISITS, 8)
    definition = platform.definitions().get_repository_def().get_sensor_def("snapshots")
    context = dg.build_sensor_context(
        instance=platform.instance,
        cursor=None,
        resources={TABLE_STORE: platform.store, LAGS: platform.lags},
        definitions=platform.definitions(),
    )
    result = definition.evaluate_tick(context)
    assert Seen.from_json(json.loads(result.cursor or "")[str(VISITS)]).snapshot == 8
    assert table_key(VISITS) in [event.asset_key for event in result.asset_events]
