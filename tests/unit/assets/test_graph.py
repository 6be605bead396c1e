"""What the asset graph looks like."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph, AssetNode
from dagster._core.definitions.freshness import CronFreshnessPolicy, TimeWindowFreshnessPolicy
from syrupy.assertion import SnapshotAssertion

from assets.naming import job_key, owners, table_key
from headwater.model import Column, Freshness, JobOptions, Model, Parallelism, TableName, Topic, TopicFormat
from headwater.sqltype import SqlType
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import (
    CLICKS,
    COLUMNS,
    DAILY,
    HITS,
    VISITORS,
    VISITS,
    flows,
    source,
    streaming,
    warehouse,
)

PROJECT = Path(__file__).parents[3]
ENGINES = ("pyflink", "pypaimon", "duckdb", "py4j", "jpype", "pyarrow", "pandas", "confluent_kafka")


def node(platform: Platform, key: dg.AssetKey) -> AssetNode:
    return platform.definitions().resolve_asset_graph().get(key)


def window(platform: Platform, name: TableName) -> TimeWindowFreshnessPolicy:
    policy = node(platform, table_key(name)).freshness_policy_or_from_metadata
    assert isinstance(policy, TimeWindowFreshnessPolicy)
    return policy


def line(graph: AssetGraph, key: dg.AssetKey) -> str:
    asset = graph.get(key)
    parents = ", ".join(sorted(parent.to_user_string() for parent in asset.parent_keys)) or "-"
    checks = ", ".join(sorted(check.name for check in asset.check_keys)) or "-"
    return (
        f"{key.to_user_string()} | {asset.group_name} | {'+'.join(sorted(asset.kinds))} | from {parents} | "
        f"{'run by Dagster' if asset.is_materializable else 'external'} | "
        f"{', '.join(asset.owners) or 'nobody'} | checks {checks} | "
        f"{'partitioned' if asset.is_partitioned else 'whole'}"
    )


def test_the_graph_is_the_one_that_was_agreed(platform: Platform, snapshot: SnapshotAssertion) -> None:
    graph = platform.definitions().resolve_asset_graph()
    lines = [line(graph, key) for key in graph.toposorted_asset_keys]
    assert "\n".join(sorted(lines)) == snapshot


def test_it_holds_together(platform: Platform) -> None:
    dg.Definitions.validate_loadable(platform.definitions())


def test_a_warehouse_of_sources_alone_loads(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS))
    dg.Definitions.validate_loadable(platform.definitions())


def test_a_table_shows_its_columns(platform: Platform) -> None:
    shown = node(platform, table_key(VISITS)).metadata["dagster/column_schema"]
    schema = shown.value if isinstance(shown, dg.TableSchemaMetadataValue) else shown
    first = schema.columns[0]
    assert (first.name, first.type, first.description, first.constraints.nullable) == (
        "id",
        "BIGINT",
        "The row's number.",
        False,
    )
    assert [column.name for column in schema.columns] == ["id", "market", "seen_at"]


def test_a_source_names_its_topic(platform: Platform) -> None:
    assert node(platform, table_key(CLICKS)).metadata["kafka/topic"] == "web.clicks"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("orders-team", ["team:orders-team"]), ("a@b.org", ["a@b.org"]), ("team:x", ["team:x"]), ("", None)],
)
def test_owners_are_teams_unless_they_are_addresses(declared: str, expected: list[str] | None) -> None:
    assert owners(replace(source(CLICKS), owner=declared)) == expected


def test_freshness_below_a_minute_is_widened_to_one_and_said(platform: Platform) -> None:
    policy = window(platform, HITS)
    assert policy.fail_window.to_timedelta() == timedelta(seconds=60)
    assert "fail after 20 s" in node(platform, table_key(HITS)).metadata["headwater/freshness"]


def test_a_warning_that_would_meet_the_failure_is_left_out(platform: Platform) -> None:
    platform.warehouse = warehouse(
        source(CLICKS), streaming(VISITORS, CLICKS, freshness=Freshness(timedelta(seconds=10), timedelta(seconds=40)))
    )
    policy = window(platform, VISITORS)
    assert policy.warn_window is None


def test_freshness_that_dagster_can_express_is_kept(platform: Platform) -> None:
    platform.warehouse = warehouse(
        source(CLICKS), streaming(VISITORS, CLICKS, freshness=Freshness(timedelta(seconds=90), timedelta(minutes=5)))
    )
    policy = window(platform, VISITORS)
    assert policy.warn_window is not None
    assert policy.warn_window.to_timedelta() == timedelta(seconds=90)
    assert policy.fail_window.to_timedelta() == timedelta(minutes=5)
    assert "headwater/freshness" not in node(platform, table_key(VISITORS)).metadata


def test_a_report_is_fresh_by_the_deadline_of_the_westmost_market(platform: Platform) -> None:
    policy = node(platform, table_key(DAILY)).freshness_policy_or_from_metadata
    assert isinstance(policy, CronFreshnessPolicy)
    assert (policy.deadline_cron, policy.timezone) == ("30 3 * * *", "America/Mexico_City")
    assert policy.lower_bound_delta == timedelta(hours=2)


def version(model: Model, *upstream: Model) -> str:
    return warehouse(*upstream, model).versions[model.name]


def test_the_code_version_follows_the_sql_and_what_it_reads() -> None:
    clicks, visits = source(CLICKS), streaming(VISITS, CLICKS)
    before = version(visits, clicks)
    assert version(replace(visits, flows=flows(CLICKS, sql="SELECT 1 FROM {}")), clicks) != before
    assert version(replace(visits, columns=(*COLUMNS, Column("x", SqlType("INT")))), clicks) != before
    assert version(visits, replace(clicks, columns=COLUMNS[:2])) != before
    assert version(visits, replace(clicks, topic=Topic("other", TopicFormat.JSON))) != before


def test_the_code_version_ignores_what_the_job_does_not_see() -> None:
    clicks, visits = source(CLICKS), streaming(VISITS, CLICKS)
    before = version(visits, clicks)
    assert version(replace(visits, description="Other words.", owner="x", freshness=None), clicks) == before
    assert version(replace(visits, job=JobOptions(Parallelism(2, 4))), clicks) == before
    described = (replace(COLUMNS[0], description="Other words."), *COLUMNS[1:])
    assert version(replace(visits, columns=described), replace(clicks, columns=described)) == before


def test_the_code_version_is_that_of_the_job_asset(platform: Platform) -> None:
    assert node(platform, job_key(VISITS)).code_version == platform.warehouse.versions[VISITS]


def load_in_a_process(warehouse_folder: Path, home: Path, program: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HEADWATER_WAREHOUSE": str(warehouse_folder), "HEADWATER_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )


def test_loading_imports_no_engine(tmp_path: Path) -> None:
    program = f"import sys, assets.definitions; print([m for m in {ENGINES!r} if m in sys.modules])"
    loaded = load_in_a_process(PROJECT / "warehouse", tmp_path, program)
    assert loaded.stdout.strip() == "[]", loaded.stderr


def test_the_reference_warehouse_runs_from_topic_to_report(tmp_path: Path) -> None:
    program = (
        "from assets.definitions import defs\n"
        "g = defs.resolve_asset_graph()\n"
        "from dagster import AssetKey\n"
        "k = AssetKey(['rpt', 'daily_orders'])\n"
        "print(sorted(a.to_user_string() for a in g.upstream_key_iterator(k)))\n"
        "print(sorted(a.to_user_string() for a in g.get(AssetKey(['flink', 'dm_kpi_minute'])).parent_keys))\n"
    )
    loaded = load_in_a_process(PROJECT / "warehouse", tmp_path, program)
    upstream, kpi = loaded.stdout.splitlines()
    for key in ("ods/orders", "flink/dwd_orders", "dwd/orders"):
        assert repr(key) in upstream
    assert kpi == "['dwd/orders']"


def test_an_unrelated_warehouse_loads(tmp_path: Path) -> None:
    program = (
        "from assets.definitions import defs; import dagster; dagster.Definitions.validate_loadable(defs); print('ok')"
    )
    loaded = load_in_a_process(PROJECT / "tests" / "warehouses" / "pageviews", tmp_path, program)
    assert loaded.stdout.strip() == "ok", loaded.stderr


def test_an_invalid_warehouse_gives_the_loaders_message(tmp_path: Path) -> None:
    folder = tmp_path / "warehouse" / "ods" / "clicks"
    folder.mkdir(parents=True)
    (folder / "table.yaml").write_text("descripton: misspelt\n")
    loaded = load_in_a_process(tmp_path / "warehouse", tmp_path, "import assets.definitions")
    assert loaded.returncode == 1
    assert "InvalidWarehouse" in loaded.stderr
    assert "table.yaml:1" in loaded.stderr
