"""Declared checks as asset checks."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test

from assets.naming import table_key
from headwater.checks.kinds import Check, NotNull, Severity
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import HITS, VISITS

BOTH = ("not_null_id_market", "accepted_market")


def run(platform: Platform, *names: str) -> dg.ExecuteInProcessResult:
    keys = [dg.AssetCheckKey(table_key(VISITS), name) for name in names]
    return run_checks(platform, *keys)


def run_checks(platform: Platform, *keys: dg.AssetCheckKey) -> dg.ExecuteInProcessResult:
    job = dg.define_asset_job("check", dg.AssetSelection.checks(*keys))
    definitions = dg.Definitions.merge(platform.definitions(), dg.Definitions(jobs=[job]))
    return definitions.resolve_job_def("check").execute_in_process(instance=platform.instance, raise_on_error=False)


def metadata(check: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {key: value.value for key, value in check.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> str | None:
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    told = failed.step_failure_data.user_failure_data
    assert told is not None
    return told.description


@pytest.fixture
def kept() -> Iterator[dg.DagsterInstance]:
    """An instance on disk, as a schedule needs one."""
    with instance_for_test() as instance:
        yield instance


def tick(platform: Platform, kept: dg.DagsterInstance) -> dg.RunRequest | str | None:
    """What the schedule asks for: a run, or none, with the reason."""
    definitions = platform.definitions()
    context = dg.build_schedule_context(
        instance=kept, repository_def=definitions.get_repository_def(), resources=platform.resources
    )
    answer = definitions.resolve_schedule_def("declared_checks").evaluate_tick(context)
    return answer.run_requests[0] if answer.run_requests else answer.skip_message


def test_a_table_s_checks_are_evaluated_together_and_say_what_was_read(platform: Platform) -> None:
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    platform.examiner.failing = {1}
    result = run(platform, *BOTH)
    assert platform.examiner.asked == [(VISITS, frozenset(BOTH))]
    found = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert {name: check.passed for name, check in found.items()} == {
        "not_null_id_market": True,
        "accepted_market": False,
    }
    assert metadata(found["not_null_id_market"]) == {
        "paimon/snapshot_id": 8,
        "headwater/after_snapshot_id": 5,
        "headwater/failing": 0,
        "headwater/counted": "rows",
        "headwater/rows_read": 3,
        "headwater/is_cut": False,
    }
    assert metadata(found["accepted_market"]) == {
        "paimon/snapshot_id": 8,
        "headwater/failing": 10,
        "headwater/counted": "rows",
        "headwater/rows_read": 0,
        "headwater/is_cut": False,
        "headwater/sample": [{"id": None}],
        "headwater/said": "why",
    }


def test_only_the_chosen_check_is_evaluated(platform: Platform) -> None:
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    result = run(platform, "accepted_market")
    assert platform.examiner.asked == [(VISITS, frozenset({"accepted_market"}))]
    assert [check.check_name for check in result.get_asset_check_evaluations()] == ["accepted_market"]


@pytest.mark.parametrize(
    ("severity", "shown"),
    [(Severity.WARN, dg.AssetCheckSeverity.WARN), (Severity.ERROR, dg.AssetCheckSeverity.ERROR)],
)
def test_a_check_has_the_severity_that_it_declares(
    platform: Platform, severity: Severity, shown: dg.AssetCheckSeverity
) -> None:
    declare(platform, Check(NotNull(("id",)), severity))
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    platform.examiner.failing = {0}
    (check,) = run(platform, "not_null_id").get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, shown)


def test_a_blocking_check_says_so_and_does_not_fail_the_run_that_evaluates_it(platform: Platform) -> None:
    declare(platform, Check(NotNull(("id",)), blocking=True))
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    platform.examiner.failing = {0}
    result = run(platform, "not_null_id")
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert metadata(check)["headwater/blocking"] is True
    spec = (
        platform.definitions().resolve_asset_graph().get_check_spec(dg.AssetCheckKey(table_key(VISITS), "not_null_id"))
    )
    assert spec.description == "id never NULL; while it fails no report is made of the table"


def test_a_table_without_a_commit_is_left_alone(platform: Platform) -> None:
    result = run(platform, "accepted_market")
    assert result.success
    assert result.get_asset_check_evaluations() == []


def test_what_cannot_be_evaluated_is_told_in_its_own_words(platform: Platform) -> None:
    platform.store.broken.add(VISITS)
    told = HeadwaterError("dwd.visits: the snapshot file is torn")
    assert failure(run(platform, "accepted_market")) == f"dwd.visits: {told}"


def test_a_check_that_cannot_be_evaluated_leaves_the_others_their_turn(platform: Platform) -> None:
    platform.store.commit(platform.warehouse.model(VISITS), 8)
    platform.examiner.broken = {0}
    result = run(platform, *BOTH)
    assert failure(result) == "dwd.visits, not_null_id_market: no broker answers"
    assert [check.check_name for check in result.get_asset_check_evaluations()] == ["accepted_market"]


def test_one_run_evaluates_the_checks_of_the_tables_that_changed(platform: Platform, kept: dg.DagsterInstance) -> None:
    changed = {VISITS: (Check(NotNull(("id",))), Check(NotNull(("market",)))), HITS: (Check(NotNull(("id",))),)}
    models = tuple(replace(m, checks=changed.get(m.name, ())) for m in platform.warehouse.models)
    platform.warehouse = replace(platform.warehouse, models=models)
    assert tick(platform, kept) == "no table has changed since its checks were evaluated"
    platform.examiner.due = {VISITS}
    request = tick(platform, kept)
    assert isinstance(request, dg.RunRequest)
    assert request.asset_check_keys == [
        dg.AssetCheckKey(table_key(VISITS), "not_null_id"),
        dg.AssetCheckKey(table_key(VISITS), "not_null_market"),
    ]
    platform.examiner.due = {VISITS, HITS}
    request = tick(platform, kept)
    assert isinstance(request, dg.RunRequest)
    assert request.asset_check_keys is not None
    assert len(request.asset_check_keys) == 3


def test_no_second_run_begins_while_one_evaluates(platform: Platform, kept: dg.DagsterInstance) -> None:
    platform.examiner.due = {VISITS}
    job = platform.definitions().resolve_job_def("declared_checks_job")
    run_id = kept.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    assert tick(platform, kept) == f"run {run_id} still evaluates"


def test_they_are_looked_at_every_five_minutes(platform: Platform) -> None:
    schedule = platform.definitions().resolve_schedule_def("declared_checks")
    assert schedule.cron_schedule == "*/5 * * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def declare(platform: Platform, *checks: Check) -> None:
    """Give the table of visits these checks."""
    models = tuple(replace(m, checks=checks) if m.name == VISITS else m for m in platform.warehouse.models)
    platform.warehouse = replace(platform.warehouse, models=models)
