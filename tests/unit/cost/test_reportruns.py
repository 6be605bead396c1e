"""The CPU of report runs, from what Dagster has recorded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from headwater.cost.bill import CPU_SECONDS
from headwater.model import Model, TableName
from headwater.stack import Ports, Stack
from resources.cost.reportruns import run_paces
from resources.local.dagster import instance_folder

DAILY = Model(TableName.parse("rpt.daily"), Path("table.yaml"), "", "", ())
NEVER = Model(TableName.parse("rpt.never"), Path("table.yaml"), "", "", ())


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    stack = Stack(home=tmp_path, warehouse=tmp_path, ports=Ports())
    instance_folder(stack).mkdir()
    (instance_folder(stack) / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return stack


def run(stack: Stack, seconds: float, *partitions: str) -> None:
    """A run that makes these partitions, and says of each what it used in all, as Dagster has it of a report."""

    @dg.op(out=dg.Out(dg.Nothing))
    def made(context: dg.OpExecutionContext) -> None:
        for partition in partitions:
            context.log_event(
                dg.AssetMaterialization(["rpt", "daily"], partition=partition, metadata={CPU_SECONDS: seconds})
            )

    @dg.job
    def reports() -> None:
        made()

    with dg.DagsterInstance.from_config(str(instance_folder(stack))) as instance:
        assert reports.execute_in_process(instance=instance).success


def test_each_run_counts_once_however_many_partitions_it_made(stack: Stack) -> None:
    run(stack, 6.0, "2026-11-01|hk", "2026-11-02|hk")
    run(stack, 2.0, "2026-11-03|hk")
    now = datetime.now(UTC)
    found = run_paces(stack, [DAILY, NEVER], now)
    assert list(found) == [DAILY.name]
    assert found[DAILY.name].seconds == 8.0
    # A rate over a day at least: reports are made once a day.
    assert found[DAILY.name].since == now - timedelta(days=1)
    assert found[DAILY.name].per_second == pytest.approx(8 / 86400)


def test_runs_of_more_than_a_month_ago_do_not_count(stack: Stack) -> None:
    run(stack, 6.0, "2026-11-01|hk")
    assert run_paces(stack, [DAILY], datetime.now(UTC) + timedelta(days=31)) == {}


def test_where_dagster_has_recorded_nothing_nothing_is_known(tmp_path: Path) -> None:
    assert run_paces(Stack(home=tmp_path, warehouse=tmp_path, ports=Ports()), [DAILY], datetime.now(UTC)) == {}
