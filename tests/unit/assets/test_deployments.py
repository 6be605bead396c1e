"""Jobs that were made to run outside Dagster."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.data_version import StaleStatus
from dagster._core.definitions.sensor_definition import SensorExecutionData

from assets.naming import job_key
from assets.resources import STREAM_ENGINE
from headwater.compile.job import fingerprint
from headwater.engines import JobHealth, JobState
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, HITS, VISITS, flows, source, streaming, warehouse
from tests.unit.assets.test_jobs import staleness

OLD = timedelta(seconds=61)


@pytest.fixture(autouse=True)
def one_job(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS))


def run_outside(platform: Platform, age: timedelta = OLD, *, checkpoints: int = 2, print_of: str | None = None) -> None:
    """Someone applied the declaration as it is, or another of the fingerprint given."""
    now = datetime.now(UTC)
    health = JobHealth(JobState.RUNNING, checkpoints, None, now, 0)
    job = platform.engine.start(VISITS, health, now=now - age)
    declared = fingerprint(platform.warehouse.model(VISITS), platform.warehouse.model)
    platform.engine.running[VISITS] = replace(job, fingerprint=print_of or declared)


def tick(platform: Platform, cursor: str | None = None) -> SensorExecutionData:
    """A tick, and what the daemon does with what it gives."""
    context = dg.build_sensor_context(
        instance=platform.instance,
        cursor=cursor,
        resources={STREAM_ENGINE: platform.engine},
        definitions=platform.definitions(),
    )
    data = platform.definitions().get_repository_def().get_sensor_def("job_health").evaluate_tick(context)
    for event in data.asset_events:
        platform.instance.report_runless_asset_event(event)
    return data


def materializations(data: SensorExecutionData) -> list[dg.AssetMaterialization]:
    return [event for event in data.asset_events if isinstance(event, dg.AssetMaterialization)]


def test_a_job_found_running_is_recorded(platform: Platform) -> None:
    run_outside(platform)
    (event,) = materializations(tick(platform))
    assert event.asset_key == job_key(VISITS)
    assert event.metadata["flink/job_id"].value == "job-of-dwd.visits"
    assert staleness(platform, job_key(VISITS)) == (StaleStatus.FRESH, [])


def test_it_is_recorded_once(platform: Platform) -> None:
    run_outside(platform)
    first = tick(platform)
    assert materializations(tick(platform, first.cursor)) == []
    # A sensor that has lost its cursor asks the event log.
    assert materializations(tick(platform)) == []


def test_the_next_job_is_recorded_too(platform: Platform) -> None:
    run_outside(platform)
    first = tick(platform)
    job = platform.engine.running[VISITS]
    platform.engine.running[VISITS] = replace(job, id="next")
    platform.engine.healths["next"] = platform.engine.healths[job.id]
    assert len(materializations(tick(platform, first.cursor))) == 1


def test_a_job_that_a_run_recorded_is_left_alone(platform: Platform) -> None:
    platform.materialize(job_key(VISITS))
    job = platform.engine.running[VISITS]
    platform.engine.running[VISITS] = replace(job, started_at=job.started_at - OLD)
    assert materializations(tick(platform)) == []


@pytest.mark.parametrize(("age", "checkpoints"), [(timedelta(seconds=50), 2), (OLD, 0)])
def test_a_job_that_is_still_starting_is_left_to_whoever_starts_it(
    platform: Platform, age: timedelta, checkpoints: int
) -> None:
    run_outside(platform, age, checkpoints=checkpoints)
    data = tick(platform)
    assert materializations(data) == []
    assert json.loads(data.cursor or "")[str(VISITS)][2] is None


def test_a_job_of_another_declaration_shows_as_out_of_date(platform: Platform) -> None:
    run_outside(platform, print_of="ffffffffffff")
    tick(platform)
    assert staleness(platform, job_key(VISITS)) == (StaleStatus.STALE, ["has a new code version"])


def test_a_declaration_changed_afterwards_shows_as_out_of_date(platform: Platform) -> None:
    run_outside(platform)
    tick(platform)
    changed = replace(streaming(VISITS, CLICKS), flows=flows(CLICKS, sql="SELECT 1 FROM {}"))
    platform.warehouse = warehouse(source(CLICKS), changed)
    assert staleness(platform, job_key(VISITS)) == (StaleStatus.STALE, ["has a new code version"])


def test_a_job_that_reads_a_table_shows_as_up_to_date(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS), streaming(VISITS, CLICKS), streaming(HITS, VISITS))
    run_outside(platform)
    now = datetime.now(UTC)
    job = platform.engine.start(HITS, JobHealth(JobState.RUNNING, 2, None, now, 0), now=now - OLD)
    declared = fingerprint(platform.warehouse.model(HITS), platform.warehouse.model)
    platform.engine.running[HITS] = replace(job, fingerprint=declared)
    tick(platform)
    assert staleness(platform, job_key(HITS)) == (StaleStatus.FRESH, [])
