"""Freshness as Dagster's own daemon judges it, from what the snapshot sensor reports."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.test_utils import freeze_time, instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.freshness import FreshnessDaemon

from assets.freshness import FRESH
from assets.naming import table_key
from assets.sensors.snapshots import sweep
from headwater.model import TableName
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import HITS, VISITS

MODULE = "tests.unit.assets.served"
PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def workspace() -> Iterator[WorkspaceProcessContext]:
    """A daemon's view of the definitions."""
    with (
        instance_for_test() as instance,
        WorkspaceProcessContext(instance, ModuleTarget(MODULE, None, str(PROJECT), MODULE)) as context,
    ):
        yield context


def judged(workspace: WorkspaceProcessContext, name: TableName) -> FreshnessState:
    key = table_key(name)
    list(FreshnessDaemon().run_iteration(workspace))
    return workspace.instance.get_freshness_state_records([key])[key].freshness_state


def report(platform: Platform, instance: dg.DagsterInstance, name: TableName, snapshot_id: int, age: timedelta) -> None:
    now = datetime.now(UTC)
    platform.store.commit(platform.warehouse.model(name), snapshot_id, age=age, now=now)
    lags = platform.lags(platform.warehouse, now)
    for event in sweep(platform.warehouse, platform.store, lags, {}, now).events:
        instance.report_runless_asset_event(event)


def test_commits_keep_a_table_fresh_and_silence_makes_it_stale(
    platform: Platform, workspace: WorkspaceProcessContext
) -> None:
    assert judged(workspace, VISITS) is FreshnessState.UNKNOWN
    report(platform, workspace.instance, VISITS, 1, timedelta(seconds=1))
    assert judged(workspace, VISITS) is FreshnessState.PASS
    with freeze_time(datetime.now(UTC) + timedelta(seconds=90)):
        assert judged(workspace, VISITS) is FreshnessState.WARN
    with freeze_time(datetime.now(UTC) + timedelta(seconds=130)):
        assert judged(workspace, VISITS) is FreshnessState.FAIL


def test_commits_of_a_stuck_table_do_not_make_it_fresh(platform: Platform, workspace: WorkspaceProcessContext) -> None:
    report(platform, workspace.instance, HITS, 1, timedelta(seconds=1))
    platform.lags.behind[HITS] = timedelta(minutes=5)
    with freeze_time(datetime.now(UTC) + timedelta(seconds=300)):
        report(platform, workspace.instance, HITS, 2, timedelta(seconds=1))
        assert judged(workspace, HITS) is FreshnessState.FAIL


def test_a_silent_source_leaves_its_table_fresh(platform: Platform, workspace: WorkspaceProcessContext) -> None:
    platform.lags.quiet.add(HITS)
    with freeze_time(datetime.now(UTC) + timedelta(seconds=600)):
        report(platform, workspace.instance, HITS, 1, timedelta(seconds=500))
        assert judged(workspace, HITS) is FreshnessState.PASS


def test_the_check_can_be_run_at_once(platform: Platform) -> None:
    platform.lags.behind[VISITS] = timedelta(seconds=90)
    checks = dg.define_asset_job("by_hand", dg.AssetSelection.checks(dg.AssetCheckKey(table_key(VISITS), FRESH)))
    definitions = dg.Definitions.merge(platform.definitions(), dg.Definitions(jobs=[checks]))
    run = definitions.resolve_job_def("by_hand").execute_in_process(instance=platform.instance)
    (found,) = run.get_asset_check_evaluations()
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["headwater/state"].value == "late"
