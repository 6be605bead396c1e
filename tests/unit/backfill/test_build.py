"""Which stages a backfill of the reference warehouse has, and what is refused."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from headwater.backfill.build import Request, build_backfill
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.backfill.stages import AwaitReader, MakeReport, WriteTable
from headwater.loader import load
from headwater.model import TableName, Warehouse

WAREHOUSE = Path(__file__).parents[3] / "warehouse"
ORDERS, KPI = TableName.parse("dwd.orders"), TableName.parse("dm.kpi_minute")
ACTIVITY, STATUS = TableName.parse("dm.driver_activity"), TableName.parse("dwd.driver_status")
NOVEMBER = Scope(date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture(scope="module")
def warehouse() -> Warehouse:
    return load(WAREHOUSE)


def refusal(warehouse: Warehouse, model: TableName, kind: Kind, scope: Scope = NOVEMBER) -> str:
    plan = build_backfill(warehouse, Request(model, kind, scope))
    assert not plan.stages
    (said,) = plan.refusals
    return said


def test_tables_downstream_are_looked_at_in_order_once_their_jobs_have_read_the_change(warehouse: Warehouse) -> None:
    plan = build_backfill(warehouse, Request(ORDERS, Kind.CORRECT, NOVEMBER))
    first, *rest = plan.stages
    wait, second = (stage for stage in rest if not isinstance(stage, MakeReport) and stage.table == KPI)
    assert isinstance(first, WriteTable)
    assert (first.table, first.upstream) == (ORDERS, None)
    assert isinstance(wait, AwaitReader)
    assert (wait.table, wait.upstream) == (KPI, (ORDERS,))
    assert isinstance(second, WriteTable)
    assert (second.table, second.upstream, second.kind) == (KPI, (ORDERS,), Kind.CORRECT)
    reports = [stage for stage in plan.stages if isinstance(stage, MakeReport)]
    assert TableName.parse("rpt.daily_orders") in {stage.table for stage in reports}
    assert not plan.refusals


def test_an_event_of_a_day_has_consequences_on_the_days_around_it(warehouse: Warehouse) -> None:
    plan = build_backfill(warehouse, Request(ORDERS, Kind.CORRECT, NOVEMBER, reach=1))
    scopes = {stage.table: stage.scope for stage in plan.stages if not isinstance(stage, AwaitReader)}
    assert (scopes[ORDERS].first, scopes[ORDERS].last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (scopes[KPI].first, scopes[KPI].last) == (date(2026, 10, 31), date(2026, 12, 1))
    report = scopes[TableName.parse("rpt.daily_orders")]
    assert (report.first, report.last) == (date(2026, 10, 30), date(2026, 12, 2))


def test_only_the_table_that_was_asked_for_where_that_was_asked_for(warehouse: Warehouse) -> None:
    plan = build_backfill(warehouse, Request(ORDERS, Kind.FILL, NOVEMBER, downstream=False))
    assert [stage.table for stage in plan.stages] == [ORDERS]


def test_days_are_written_so_many_in_one_commit(warehouse: Warehouse) -> None:
    plan = build_backfill(warehouse, Request(KPI, Kind.FILL, NOVEMBER, downstream=False, days_at_once=14))
    (stage,) = plan.stages
    assert isinstance(stage, WriteTable)
    assert [(piece.first.day, piece.last.day) for piece in stage.pieces] == [(1, 14), (15, 28), (29, 30)]
    assert stage.describe() == (
        "fill dm.kpi_minute, 2026-11-01 to 2026-11-30: add the rows that are missing, in 3 commits"
    )


def test_replacing_partitions_that_a_job_reads_as_a_stream_is_refused(warehouse: Warehouse) -> None:
    assert "not seen by jobs that read dwd.orders as a stream: dm.driver_risk, dm.kpi_minute, dm.user_risk" in refusal(
        warehouse, ORDERS, Kind.REPLACE
    )
    assert build_backfill(warehouse, Request(KPI, Kind.REPLACE, NOVEMBER)).stages


def test_replacing_a_market_of_partitions_that_hold_all_markets_is_refused(warehouse: Warehouse) -> None:
    scope = Scope(NOVEMBER.first, NOVEMBER.last, ("hk",))
    assert "dm.kpi_minute is not partitioned by market" in refusal(warehouse, KPI, Kind.REPLACE, scope)
    assert build_backfill(warehouse, Request(KPI, Kind.CORRECT, scope)).stages


def test_a_table_whose_rows_have_no_key_is_refused(warehouse: Warehouse) -> None:
    keyless = tuple(replace(model, key=()) if model.name == STATUS else model for model in warehouse.models)
    said = refusal(replace(warehouse, models=keyless), STATUS, Kind.FILL)
    assert "dwd.driver_status has no key" in said
    assert "headwater apply --rebuild dwd.driver_status" in said


def test_a_table_without_days_is_refused(warehouse: Warehouse) -> None:
    timeless = tuple(replace(model, event_time=None) if model.name == ACTIVITY else model for model in warehouse.models)
    assert "dm.driver_activity has no days" in refusal(replace(warehouse, models=timeless), ACTIVITY, Kind.FILL)


def test_a_table_whose_rows_a_topic_distributes_is_refused(warehouse: Warehouse) -> None:
    said = refusal(warehouse, TableName.parse("dm.surcharge"), Kind.FILL)
    assert "those who read its topic «dm.surcharge» would not see it. headwater apply --fresh dm.surcharge" in said


def test_a_select_that_asks_for_the_time_is_refused(warehouse: Warehouse) -> None:
    def asking(sql: str) -> Warehouse:
        models = tuple(
            replace(model, flows=(replace(model.flows[0], sql=sql),)) if model.name == STATUS else model
            for model in warehouse.models
        )
        return replace(warehouse, models=models)

    assert "calls PROCTIME" in refusal(asking("SELECT PROCTIME() AS p FROM ods.driver_status"), STATUS, Kind.FILL)
    assert "calls CURRENT_DATE" in refusal(asking("SELECT CURRENT_DATE AS p FROM ods.driver_status"), STATUS, Kind.FILL)
    given = asking("SELECT UNIX_TIMESTAMP('2026-11-01 00:00:00') AS p FROM ods.driver_status")
    assert build_backfill(given, Request(STATUS, Kind.FILL, NOVEMBER)).stages
