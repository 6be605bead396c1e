"""Backfills of streams' tables, launched as a job with configuration."""

from datetime import date
from typing import Any

import dagster as dg
import pytest

from assets.backfills import JOB
from assets.naming import table_key
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.batch import BatchRun, ReportResult
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import DAILY, VISITS


def launch(platform: Platform, **config: Any) -> dg.ExecuteInProcessResult:
    job = platform.definitions().resolve_job_def(JOB)
    asked = {"table": str(VISITS), "first": "2026-11-01", "last": "2026-11-03"} | config
    run_config = {"ops": {"backfill_table": {"config": asked}}}
    return job.execute_in_process(run_config=run_config, instance=platform.instance, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    (step,) = [event for event in result.all_events if event.is_step_failure]
    data = step.step_failure_data
    assert data.user_failure_data is not None
    return data.user_failure_data.description or ""


def test_a_run_backfills_the_days_of_its_configuration_and_observes_what_differed(platform: Platform) -> None:
    result = launch(platform, kind="fill", markets=["hk"], downstream=False, pause=True)
    assert result.success
    (request,) = platform.backfiller.asked
    assert (request.model, request.kind, request.downstream) == (VISITS, Kind.FILL, False)
    assert request.scope == Scope(date(2026, 11, 1), date(2026, 11, 3), ("hk",))
    assert platform.backfiller.paused == [True]
    (observed,) = result.get_asset_observation_events()
    said = observed.asset_observation_data.asset_observation
    assert said.asset_key == table_key(VISITS)
    assert said.metadata["headwater/rows_changed"].value == 1
    assert said.metadata["paimon/snapshot_id"].value == 7


def test_reports_that_came_out_otherwise_are_observed_too(platform: Platform) -> None:
    platform.backfiller.reports = (ReportResult(BatchRun("1-ab", DAILY, (), ()), (), 42, 0.5),)
    _, report = launch(platform).get_asset_observation_events()
    said = report.asset_observation_data.asset_observation
    assert (said.asset_key, said.metadata["paimon/snapshot_id"].value) == (table_key(DAILY), 42)


def test_a_dry_run_changes_nothing(platform: Platform) -> None:
    assert launch(platform, dry_run=True).success
    assert platform.backfiller.asked == []


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"table": "dwd.nothing"}, "dwd.nothing is not kept by a stream"),
        ({"first": "yesterday"}, "write days as 2026-11-01"),
        ({"first": "2026-11-09"}, "is before first"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(platform: Platform, config: dict[str, str], said: str) -> None:
    result = launch(platform, **config)
    assert not result.success
    assert said in failure(result)
    assert platform.backfiller.asked == []


def test_a_failure_says_what_is_left_and_what_to_do_next(platform: Platform) -> None:
    platform.backfiller.failure = HeadwaterError("It failed", left="half of it", next_command="the same again")
    assert failure(launch(platform)).splitlines()[1:] == ["  left:  half of it", "  next:  the same again"]
