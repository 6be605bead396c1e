"""Declared checks as asset checks."""

from pathlib import Path

import dagster as dg

from assets.checks import check_name
from assets.naming import table_key
from headwater.model import Accepted, NotNull, SqlCheck
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import VISITS


def run(platform: Platform, *names: str) -> dg.ExecuteInProcessResult:
    keys = [dg.AssetCheckKey(table_key(VISITS), name) for name in names]
    job = dg.define_asset_job("check", dg.AssetSelection.checks(*keys))
    definitions = dg.Definitions.merge(platform.definitions(), dg.Definitions(jobs=[job]))
    return definitions.resolve_job_def("check").execute_in_process(instance=platform.instance, raise_on_error=False)


def test_checks_are_evaluated_over_one_snapshot(platform: Platform) -> None:
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    platform.examiner.failing = {1}
    result = run(platform, "not_null_id_market", "accepted_market")
    assert platform.examiner.asked == [(VISITS, 8)]
    found = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in found.items()} == {
        "not_null_id_market": True,
        "accepted_market": False,
    }
    metadata = {key: value.value for key, value in found["accepted_market"].metadata.items()}
    assert metadata == {"paimon/snapshot_id": 8, "headwater/failing_rows": 10, "headwater/sample": [{"id": None}]}


def test_only_the_chosen_check_is_told(platform: Platform) -> None:
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    result = run(platform, "accepted_market")
    assert [check.check_name for check in result.get_asset_check_evaluations()] == ["accepted_market"]


def test_a_table_without_a_commit_is_left_alone(platform: Platform) -> None:
    result = run(platform, "accepted_market")
    assert result.success
    assert result.get_asset_check_evaluations() == []


def test_a_check_that_cannot_be_run_is_told_in_its_own_words(platform: Platform) -> None:
    platform.store.broken.add(VISITS)
    result = run(platform, "accepted_market")
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert told.description == str(HeadwaterError("dwd.visits: the snapshot file is torn"))


def test_checks_are_named_after_what_they_ask() -> None:
    assert check_name(NotNull(("a", "b"))) == "not_null_a_b"
    assert check_name(Accepted("status", ("x",))) == "accepted_status"
    assert check_name(SqlCheck("no_negative_price", Path("x.sql"), "SELECT 1")) == "no_negative_price"


def test_they_run_every_hour(platform: Platform) -> None:
    schedule = platform.definitions().resolve_schedule_def("declared_checks")
    assert schedule.cron_schedule == "17 * * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
