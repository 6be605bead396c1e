"""Loading a warehouse folder, and the cache that spares reading it again."""

from datetime import time, timedelta
from pathlib import Path

import pytest

from headwater import reading
from headwater.checks.kinds import Accepted, Malformed, Range, Relation, SqlCheck, Unique, Volume
from headwater.compile.job import fingerprint
from headwater.loader import load
from headwater.model import ChangelogProducer, Merge, Restart, TableName
from headwater.problem import HeadwaterError, InvalidWarehouse

PROJECT = Path(__file__).parents[3]
REFERENCE = PROJECT / "warehouse"
PAGEVIEWS = PROJECT / "tests" / "warehouses" / "pageviews"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


@pytest.fixture
def no_reading(monkeypatch):
    def fail(_):
        raise AssertionError("the files were read")

    monkeypatch.setattr(reading, "read", fail)


def test_upstream_tables_come_first():
    for root in (REFERENCE, PAGEVIEWS):
        seen: set[TableName] = set()
        for model in load(root).models:
            assert seen.issuperset(model.reads)
            seen.add(model.name)


def test_a_policy_for_starting_again_is_read_and_is_no_part_of_the_job(sensors):
    name = TableName.parse("dm.warmth")
    before = load(sensors.root)
    assert before.model(name).restart is None
    sensors.replace("dm/warmth/table.yaml", "columns:", "job: {restart: {attempts: 2}}\ncolumns:")
    after = load(sensors.root)
    assert after.model(name).restart == Restart(2, timedelta(seconds=30), timedelta(hours=1))
    assert after.versions == before.versions
    assert fingerprint(after.model(name), after.model) == fingerprint(before.model(name), before.model)


def test_the_reference_warehouse_is_read_as_declared():
    warehouse = load(REFERENCE)
    orders = warehouse.model(TableName.parse("dwd.orders"))
    assert orders.storage is not None
    assert (orders.storage.merge, orders.storage.changelog) == (Merge.PARTIAL_UPDATE, ChangelogProducer.LOOKUP)
    assert {flow.name: flow.sequence for flow in orders.flows} == {
        "from_orders": "updated_at",
        "from_pricing": "priced_at",
        "from_dispatch": "dispatched_at",
    }
    assert [column.name for column in orders.columns if column.required] == ["market", "order_day", "order_id"]
    assert orders.checks[0].asks == Accepted("status", ("created", "matched", "completed", "cancelled"))
    no_negative_price = orders.checks[1].asks
    assert isinstance(no_negative_price, SqlCheck)
    assert "price < 0" in no_negative_price.sql
    assert no_negative_price.row_by_row
    kpi = warehouse.model(TableName.parse("dm.kpi_minute"))
    assert (kpi.job.state_ttl, kpi.reads) == (timedelta(hours=36), (TableName.parse("dwd.orders"),))
    activity = warehouse.model(TableName.parse("dm.driver_activity"))
    assert activity.flows[0].time_columns == ((TableName.parse("ods.driver_status"), "occurred_at"),)
    report = warehouse.model(TableName.parse("rpt.daily_orders"))
    assert report.schedule is not None
    assert (report.schedule.at, report.partition_by) == (time(1, 30), ("market", "local_date"))
    assert len(warehouse.markets) == 13


def test_every_flow_of_the_shipped_warehouses_gives_exactly_the_declared_types():
    for root in (REFERENCE, PAGEVIEWS):
        for model in load(root).models:
            declared = {column.name: column.type for column in model.columns}
            for flow in model.flows:
                assert {column.name: column.type for column in flow.outputs} == {
                    column.name: declared[column.name] for column in flow.outputs
                }


def test_a_flow_keeps_the_authors_text(sensors):
    flow = load(sensors.root).model(TableName.parse("dwd.sensors")).flows[1]
    assert flow.sql == (sensors.root / "dwd/sensors/from_readings.sql").read_text()


def test_merge_and_changelog_follow_from_keys_and_sequences(sensors):
    warehouse = load(sensors.root)
    kinds = {str(m.name): (m.storage.merge.value, m.storage.changelog.value) for m in warehouse.models if m.storage}
    assert kinds == {
        "dwd.sensors": ("partial-update", "lookup"),
        "dm.warmth": ("deduplicate", "lookup"),
        "rpt.daily_warmth": ("append", "none"),
        "ods.rejected": ("deduplicate", "none"),
    }


def test_a_market_may_be_called_no(sensors):
    sensors.write("markets.yaml", "markets:\n  no: {name: Norway, zone: Europe/Oslo}\n")
    assert [market.code for market in load(sensors.root).markets] == ["no"]


def test_editor_leftovers_and_readmes_are_passed_over(sensors):
    for path in (".git/x", "dm/warmth/select.sql~", "dm/warmth/.select.sql.swp", "dm/warmth/README.md", "README.md"):
        sensors.write(path, "not ours")
    assert sensors.problems() == []


def test_an_unchanged_folder_is_not_read_again(sensors, cache, monkeypatch):
    first = load(sensors.root, cache)
    monkeypatch.setattr(reading, "read", lambda _: pytest.fail("the files were read"))
    assert load(sensors.root, cache) == first


def test_a_text_that_equals_a_choice_of_ours_comes_out_of_the_cache_as_a_text(sensors, cache):
    sensors.replace("dm/warmth/table.yaml", "columns:", "job: {options: {restart-strategy.type: none}}\ncolumns:")
    first = load(sensors.root, cache)
    assert repr(load(sensors.root, cache)) == repr(first)


@pytest.mark.parametrize("damage", [b"", b"damaged", b"\x80\x05N.", b"\x80\x05cno_such_module\nx\n."])
def test_a_damaged_cache_is_made_anew(sensors, cache, damage):
    first = load(sensors.root, cache)
    good = cache.read_bytes()
    cache.write_bytes(damage)
    assert load(sensors.root, cache) == first
    assert cache.read_bytes() == good


def test_a_cache_cut_short_is_made_anew(sensors, cache):
    first = load(sensors.root, cache)
    cache.write_bytes(cache.read_bytes()[:-20])
    assert load(sensors.root, cache) == first


def test_an_edit_is_seen_through_the_cache(sensors, cache):
    load(sensors.root, cache)
    sensors.replace("dm/warmth/table.yaml", "owner: sensing", "owner: warming")
    assert load(sensors.root, cache).model(TableName.parse("dm.warmth")).owner == "warming"


def test_a_new_and_a_removed_file_are_seen_through_the_cache(sensors, cache):
    load(sensors.root, cache)
    sensors.remove("dwd/sensors/from_readings.sql")
    with pytest.raises(InvalidWarehouse):
        load(sensors.root, cache)
    sensors.write("dwd/sensors/from_readings.sql", "SELECT sensor, degrees, read_at FROM ods.readings")
    sensors.write("dm/empty/.keep", "")
    with pytest.raises(InvalidWarehouse, match=r"dm\.empty has no table\.yaml"):
        load(sensors.root, cache)


def test_a_broken_warehouse_is_told_every_time(sensors, cache):
    load(sensors.root, cache)
    sensors.write("dmm/x/table.yaml", "")
    for _ in range(2):
        with pytest.raises(InvalidWarehouse, match="«dmm» is not a layer"):
            load(sensors.root, cache)


def test_a_cache_of_another_source_version_is_not_used(sensors, cache, monkeypatch):
    load(sensors.root, cache)
    monkeypatch.setattr("headwater.loader._source_version", lambda: "another")
    seen = []
    real = reading.read
    monkeypatch.setattr(reading, "read", lambda layout: seen.append(1) or real(layout))
    load(sensors.root, cache)
    assert seen == [1]


def test_a_cache_that_cannot_be_written_only_costs_time(sensors, tmp_path):
    (tmp_path / "taken").mkdir()
    assert load(sensors.root, tmp_path / "taken") == load(sensors.root)


def test_a_missing_folder_says_how_to_name_one(tmp_path):
    with pytest.raises(HeadwaterError) as missing:
        load(tmp_path / "nowhere")
    assert str(missing.value) == (
        f"There is no warehouse folder {tmp_path / 'nowhere'}\n"
        "  next:  give one by --warehouse PATH or HEADWATER_WAREHOUSE"
    )


def test_each_kind_of_check_is_read_as_declared(sensors):
    declared = """checks:
  - not_null: [place]
    severity: warn
  - range: {column: degrees, min: -90, max: 90.5}
    blocking: true
  - unique: [place, moved_at]
  - relation: {columns: [place], to: dm.warmth}
  - volume: {tolerance: 40%, weeks: 2, at_least: 5}
  - malformed: {at_most: 0.5%, within: 2h}
  - sql: too_hot.sql
check_rows: 1000
"""
    sensors.replace("dwd/sensors/table.yaml", "checks:\n  - not_null: [place]\n  - sql: too_hot.sql\n", declared)
    model = load(sensors.root).model(TableName.parse("dwd.sensors"))
    assert [(check.name, check.severity.value, check.blocking) for check in model.checks[:2]] == [
        ("not_null_place", "warn", False),
        ("range_degrees", "error", True),
    ]
    assert [check.asks for check in model.checks[1:6]] == [
        Range("degrees", "-90", "90.5"),
        Unique(("place", "moved_at")),
        Relation(("place",), TableName.parse("dm.warmth"), ("place",)),
        Volume(0.4, 2, 5),
        Malformed(0.005, timedelta(hours=2)),
    ]
    too_hot = model.checks[6].asks
    assert isinstance(too_hot, SqlCheck)
    assert too_hot.row_by_row
    assert model.check_rows == 1000
