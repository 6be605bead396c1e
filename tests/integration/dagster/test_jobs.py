"""Job assets and their health on real engines."""

import dagster as dg

from assets.naming import job_key
from headwater.engines import JobState
from headwater.health.verdicts import Check
from tests.integration.dagster.desk import Desk, metadata


def test_materialising_makes_the_job_run_and_again_does_nothing(desk: Desk) -> None:
    first = metadata(desk.run_job())[None]
    running = desk.house.job("dwd.sales#")
    assert running.state is JobState.RUNNING
    assert first["flink/job_id"] == running.id
    assert first["flink/fingerprint"] == running.fingerprint
    assert "start job" in first["headwater/stages"]

    again = metadata(desk.run_job())[None]
    assert again["flink/job_id"] == running.id
    assert again["headwater/stages"] == "nothing to do"
    assert desk.house.job("dwd.sales#").id == running.id


def test_its_checks_pass_once_it_runs(desk: Desk) -> None:
    checks = desk.run_job().get_asset_check_evaluations()
    assert {check.check_name: check.passed for check in checks} == dict.fromkeys(map(str, Check), True)


def test_a_cancelled_job_fails_its_check_at_the_sensors_next_look(desk: Desk) -> None:
    desk.run_job()
    key = job_key(desk.table)
    events, cursor = desk.tick("job_health", None)
    checks = [event for event in events if isinstance(event, dg.AssetCheckEvaluation) and event.asset_key == key]
    assert {check.check_name: check.passed for check in checks}["job_running"] is True
    assert any(isinstance(event, dg.AssetObservation) and event.asset_key == key for event in events)

    desk.house.stop("dwd.sales#")
    events, _ = desk.tick("job_health", cursor)
    ours = [event for event in events if event.asset_key == key]
    assert {event.check_name: event.passed for event in ours} == dict.fromkeys(map(str, Check), False)
