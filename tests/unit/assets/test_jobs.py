"""Materialising a job asset."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from assets.naming import RESTART, job_key, table_key
from assets.sensors.snapshots import sweep
from headwater.engines import JobHealth, JobState
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import HITS, MODELS, VISITORS, VISITS, flows, warehouse
from tests.unit.assets.inmemory import NOW


def materialization(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dg.AssetMaterialization:
    (event,) = result.asset_materializations_for_node("flink_jobs")
    assert event.asset_key == key
    return event


def test_it_makes_the_declared_job_run(platform: Platform) -> None:
    result = platform.materialize(job_key(VISITS))
    assert result.success
    assert platform.deployer.asked == [[VISITS]]
    metadata = materialization(result, job_key(VISITS)).metadata
    assert metadata["flink/job_id"].value == "job-of-dwd.visits"
    assert metadata["flink/job_url"] == dg.MetadataValue.url("http://localhost/#/job/job-of-dwd.visits")
    assert metadata["flink/fingerprint"].value == "0123456789ab"
    assert metadata["headwater/stages"].value == "1. submit dwd.visits"


def test_its_data_version_is_the_jobs_fingerprint(platform: Platform) -> None:
    result = platform.materialize(job_key(VISITS))
    tags = materialization(result, job_key(VISITS)).tags
    assert tags is not None and tags["dagster/data_version"] == "0123456789ab"


def test_again_does_nothing(platform: Platform) -> None:
    platform.materialize(job_key(VISITS))
    result = platform.materialize(job_key(VISITS))
    assert materialization(result, job_key(VISITS)).metadata["headwater/stages"].value == "nothing to do"


def test_it_says_what_the_job_was_restored_from(platform: Platform) -> None:
    platform.engine.start(VISITS, JobHealth(JobState.RUNNING, 1, "file:///savepoint-1", NOW, 0))
    result = platform.materialize(job_key(VISITS))
    assert materialization(result, job_key(VISITS)).metadata["flink/restored_from"].value == "file:///savepoint-1"


def test_several_are_planned_together_upstream_first(platform: Platform) -> None:
    result = platform.materialize(job_key(HITS), job_key(VISITS))
    assert platform.deployer.asked == [[VISITS, HITS]]
    events = result.asset_materializations_for_node("flink_jobs")
    assert [event.asset_key for event in events] == [job_key(VISITS), job_key(HITS)]
    assert [event.metadata["headwater/stages"].value for event in events] == [
        "1. submit dwd.visits",
        "1. submit dm.hits",
    ]


def test_a_failed_apply_is_told_in_its_own_words(platform: Platform) -> None:
    platform.deployer.error = HeadwaterError(
        "No slot is free", left="nothing was changed", next_command="headwater plan"
    )
    result = platform.materialize(job_key(VISITS))
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert told.description == "No slot is free\n  left:  nothing was changed\n  next:  headwater plan"


def test_its_checks_are_judged_in_the_same_run(platform: Platform) -> None:
    result = platform.materialize(job_key(VISITS))
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    # The jobs of these tests have a fingerprint of their own.
    assert checks == {
        "job_running": True,
        "checkpoint_recent": True,
        "job_as_declared": False,
        "job_keeps_up": True,
    }


def test_a_check_on_its_own_applies_nothing(platform: Platform) -> None:
    health = JobHealth(JobState.RESTARTING, 1, None, NOW, 0, failure="odd", since=NOW)
    platform.engine.start(VISITS, health)
    job = dg.define_asset_job("check", dg.AssetSelection.checks(dg.AssetCheckKey(job_key(VISITS), "job_running")))
    definitions = dg.Definitions.merge(platform.definitions(), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("check").execute_in_process(instance=platform.instance)
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert (check.description or "").startswith("RESTARTING, for ")
    assert (check.description or "").endswith("; cause: odd. Next: headwater logs jobmanager")
    assert platform.deployer.asked == []


def test_a_run_that_starts_a_job_again_does_nothing_else(platform: Platform) -> None:
    assert platform.materialize(job_key(VISITS), tags={RESTART: str(VISITS)}).success
    assert platform.deployer.as_they_were == [VISITS]
    platform.materialize(job_key(HITS))
    assert platform.deployer.as_they_were == [VISITS]


@pytest.fixture
def running(platform: Platform) -> Platform:
    """The job of dm.hits was applied, and then its input was committed to."""
    platform.materialize(job_key(HITS))
    now = datetime.now(UTC)
    platform.store.commit(platform.warehouse.model(VISITS), 8, now=now)
    for event in sweep(platform.warehouse, platform.store, (), {}, now).events:
        platform.instance.report_runless_asset_event(event)
    return platform


def staleness(platform: Platform, key: dg.AssetKey) -> tuple[StaleStatus, list[str]]:
    resolver = CachingStaleStatusResolver(
        platform.instance,
        platform.definitions().resolve_asset_graph(),
        LoadingContextForTest(platform.instance),
    )
    return resolver.get_status(key), [cause.reason for cause in resolver.get_stale_causes(key)]


def test_new_rows_upstream_leave_a_job_up_to_date(running: Platform) -> None:
    record = running.instance.get_latest_materialization_event(table_key(VISITS))
    assert record is not None
    assert staleness(running, job_key(HITS)) == (StaleStatus.FRESH, [])


def test_a_changed_declaration_puts_its_job_out_of_date(running: Platform) -> None:
    changed = [replace(m, flows=flows(VISITS, sql="SELECT 1 FROM {}")) if m.name == HITS else m for m in MODELS]
    running.warehouse = warehouse(*changed)
    assert staleness(running, job_key(HITS)) == (StaleStatus.STALE, ["has a new code version"])


def test_a_job_never_applied_is_missing(platform: Platform) -> None:
    assert staleness(platform, job_key(VISITORS))[0] is StaleStatus.MISSING
