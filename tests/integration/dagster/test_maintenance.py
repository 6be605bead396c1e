"""Upkeep and costs as Dagster's page starts them."""

from assets.maintenance import COSTS, duty_key
from assets.naming import job_key
from headwater.upkeep.duty import Duty
from tests.integration.dagster.desk import Desk, metadata


def test_upkeep_and_costs_are_materialised_beside_the_running_job(desk: Desk) -> None:
    desk.sell([(1, "hk", 5, "2026-02-01T01:00:00Z"), (2, "in", 7, "2026-02-01T02:00:00Z")])
    assert desk.run_job().success
    desk.house.await_values("dwd.sales#", ("id", "amount"), [(1, 5), (2, 7)])
    assert desk.run_report("2026-02-01|hk", "2026-02-01|hk").success
    for duty in Duty:
        result = desk.materialise(duty_key(duty))
        assert result.success
        assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
        (said,) = metadata(result).values()
        assert said["headwater/tables"] == 2
        assert said["headwater/files_after"] > 0
        assert said["headwater/done"] == "nothing to do"
    costs = desk.materialise(COSTS)
    (said,) = metadata(costs).values()
    assert said["headwater/table_bytes"] > 0
    assert str(desk.report) in said["headwater/costs"]
    (observed,) = [
        event.asset_observation_data.asset_observation
        for event in costs.get_asset_observation_events()
        if event.asset_key == job_key(desk.table)
    ]
    assert observed.metadata["headwater/state_bytes"].value
