"""Upkeep of the lake as assets."""

import dagster as dg
import pytest

from assets.maintenance import COSTS, HEALTHY, duty_key
from assets.naming import job_key
from headwater.cost.prices import Prices
from headwater.problem import HeadwaterError
from headwater.upkeep.duty import Duty
from headwater.upkeep.quiet import quiet_hour
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import CLICKS, DAILY, HITS, KOLKATA, MEXICO, NEW_YORK, SYDNEY, VISITS, source, warehouse

EVERYTHING = (*map(duty_key, Duty), COSTS)


def metadata(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, object]:
    (found,) = [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == key
    ]
    return {name: value.value for name, value in found.metadata.items()}


def test_all_duties_are_done_in_one_round(platform: Platform) -> None:
    platform.caretaker.tables = (VISITS, HITS)
    result = platform.materialize(*EVERYTHING)
    assert result.success
    assert platform.caretaker.asked == [tuple(Duty)]


def test_a_duty_is_done_alone(platform: Platform) -> None:
    assert platform.materialize(duty_key(Duty.ORPHANS)).success
    assert platform.caretaker.asked == [(Duty.ORPHANS,)]


def test_what_there_was_before_and_after_is_told_over_all_tables(platform: Platform) -> None:
    platform.caretaker.tables = (VISITS, HITS)
    said = metadata(platform.materialize(duty_key(Duty.EXPIRY)), duty_key(Duty.EXPIRY))
    assert (said["headwater/tables"], said["headwater/found"], said["headwater/found_bytes"]) == (2, 2, 200)
    assert (said["headwater/files_before"], said["headwater/files_after"]) == (60, 24)
    assert (said["headwater/bytes_before"], said["headwater/bytes_after"]) == (6000, 2400)
    assert (said["headwater/held_bytes_before"], said["headwater/held_bytes_after"]) == (4000, 400)
    assert (said["headwater/snapshots_before"], said["headwater/snapshots_after"]) == (40, 20)
    assert (said["headwater/tags_before"], said["headwater/tags_after"]) == (2, 0)
    assert said["headwater/done"] == f"- {VISITS}: removed it\n- {HITS}: removed it"


def test_a_table_that_is_not_well_turns_its_duty_s_check_red_and_no_other(platform: Platform) -> None:
    platform.caretaker.tables = (VISITS, HITS)
    platform.caretaker.faults = {(Duty.COMPACTION, HITS): "bucket 0 has 40 files of level 0"}
    result = platform.materialize(*map(duty_key, Duty))
    checks = {check.asset_key: check for check in result.get_asset_check_evaluations()}
    assert {check.check_name for check in checks.values()} == {HEALTHY}
    assert {key: check.passed for key, check in checks.items()} == {
        duty_key(Duty.EXPIRY): True,
        duty_key(Duty.COMPACTION): False,
        duty_key(Duty.ORPHANS): True,
    }
    red = checks[duty_key(Duty.COMPACTION)]
    assert (red.description, red.severity) == (f"{HITS}: bucket 0 has 40 files of level 0", dg.AssetCheckSeverity.WARN)


def test_a_round_that_cannot_be_made_fails_with_what_to_do(platform: Platform) -> None:
    platform.caretaker.error = HeadwaterError("the gateway does not answer", next_command="headwater doctor")
    result = platform.materialize(duty_key(Duty.EXPIRY))
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "headwater doctor" in str(failure.step_failure_data.user_failure_data)


def test_costs_are_told_of_each_job_and_in_all(platform: Platform) -> None:
    platform.accountant.tables = (VISITS, DAILY)
    platform.accountant.prices = Prices("EUR", 0.1, 0.02, 0.0)
    result = platform.materialize(COSTS)
    said = metadata(result, COSTS)
    assert (said["headwater/cores"], said["headwater/month"], said["headwater/currency"]) == (1.0, 73.04, "EUR")
    assert "| dwd.visits | 36.52 | 0.500 |" in str(said["headwater/costs"])
    observed = {
        event.asset_key: event.asset_observation_data.asset_observation.metadata
        for event in result.get_asset_observation_events()
    }
    assert list(observed) == [job_key(VISITS)]
    of_job = {name: value.value for name, value in observed[job_key(VISITS)].items()}
    assert (of_job["headwater/cpu_share"], of_job["headwater/cores"], of_job["headwater/month"]) == (0.5, 0.5, 36.52)
    assert (of_job["headwater/table_bytes"], of_job["headwater/held_bytes"]) == (10**9, 6 * 10**8)


def test_the_lake_is_cleaned_when_costs_cannot_be_measured(platform: Platform) -> None:
    platform.caretaker.tables = (VISITS,)
    platform.accountant.error = HeadwaterError("Flink does not answer")
    result = platform.materialize(*EVERYTHING)
    assert not result.success
    assert {event.asset_key for event in result.get_asset_materialization_events()} == set(map(duty_key, Duty))


def test_one_run_each_night_does_all(platform: Platform) -> None:
    schedule = platform.definitions().resolve_schedule_def("maintenance")
    assert schedule.cron_schedule == f"40 {quiet_hour(platform.warehouse.markets)} * * *"
    assert schedule.execution_timezone == "UTC"
    job = platform.definitions().resolve_job_def("maintenance_job")
    assert set(job.asset_layer.executable_asset_keys) == set(EVERYTHING)


def test_a_warehouse_without_a_table_has_nothing_to_keep(platform: Platform) -> None:
    platform.warehouse = warehouse(source(CLICKS))
    assert not platform.definitions().schedules


@pytest.mark.parametrize(
    ("markets", "hour"),
    [((), 3), ((KOLKATA,), 22), ((NEW_YORK,), 8), ((NEW_YORK, MEXICO), 9), ((NEW_YORK, KOLKATA, SYDNEY), 19)],
)
def test_the_quiet_hour_is_the_one_in_which_most_markets_sleep(markets: tuple, hour: int) -> None:
    assert quiet_hour(markets) == hour
