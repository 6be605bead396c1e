"""What a person does at Dagster's page, on a warehouse of one topic, one table and one report."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from assets.graph import build_definitions
from assets.naming import job_key, table_key
from assets.sensors.snapshots import Seen
from headwater.loader import load
from headwater.model import TableName
from tests.integration.flink.house import House

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

_MARKETS = """
    markets:
      hk: {name: Hong Kong, zone: Asia/Hong_Kong, currency: HKD}
      in: {name: India, zone: Asia/Kolkata, currency: INR}
    """
_TABLE = """
    description: sales
    owner: tests
    key: [id]
    columns:
      id: {type: BIGINT}
      market: {type: STRING}
      amount: {type: BIGINT}
      sold_at: {type: TIMESTAMP_LTZ(3)}
    event_time: {column: sold_at}
    job: {checkpoint_interval: 500ms}
    """
_REPORT = """
    description: sales of a day
    owner: tests
    partition_by: [market, local_date]
    schedule: {at: "01:30", start_date: 2026-02-01}
    columns:
      market: {type: STRING}
      local_date: {type: DATE}
      sales: {type: BIGINT}
      amount: {type: BIGINT}
    """
_REPORT_SQL = """
    SELECT d.market, d.local_date, COUNT(*) AS sales, SUM(s.amount) AS amount
    FROM dwd.sales# AS s
    JOIN calendar.local_day AS d
      ON s.market = d.market AND s.sold_at >= d.starts_at AND s.sold_at < d.ends_at
    GROUP BY d.market, d.local_date
    """


class Desk:
    """The definitions of `ods.sales#` → `dwd.sales#` → `rpt.daily_sales#` over real engines."""

    def __init__(self, house: House, instance: dg.DagsterInstance) -> None:
        self.house = house
        self.instance = instance
        self.table = house.table("dwd.sales#")
        self.report = house.table("rpt.daily_sales#")
        house.write("markets.yaml", _MARKETS)
        house.source(
            "sales",
            """
            id: {type: BIGINT, required: true}
            market: {type: STRING, required: true}
            amount: {type: BIGINT}
            sold_at: {type: TIMESTAMP_LTZ(3), required: true}
            """,
            event_time="{column: sold_at, lateness: 1s, idle_after: 1s}",
        )
        house.write("dwd/sales#/table.yaml", _TABLE)
        house.write("dwd/sales#/select.sql", "SELECT id, market, amount, sold_at FROM ods.sales#")
        house.write("rpt/daily_sales#/table.yaml", _REPORT)
        house.write("rpt/daily_sales#/select.sql", _REPORT_SQL)
        self.reload()

    def reload(self) -> None:
        """Load the definitions of the warehouse as it is now, as the code server does."""
        self.definitions = build_definitions(load(self.house.stack.warehouse), self.house.stack)

    def declare_checks(self, *checks: str) -> None:
        """Declare these checks of the table, each as it stands in a list of YAML's."""
        listed = "".join(f"\n      - {check}" for check in checks)
        self.house.write("dwd/sales#/table.yaml", f"{_TABLE.rstrip()}\n    checks:{listed}\n")
        self.reload()

    def run_checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        """Evaluate all declared checks in a run of their own, as the schedule does; the results by name."""
        job = self.definitions.resolve_job_def("declared_checks_job")
        result = job.execute_in_process(instance=self.instance)
        return {check.check_name: check for check in result.get_asset_check_evaluations()}

    def sell(self, sales: Sequence[tuple[int, str, int, str]]) -> None:
        """Send sales of (id, market, amount, instant)."""
        names = ("id", "market", "amount", "sold_at")
        self.house.send("sales#", [dict(zip(names, sale, strict=True)) for sale in sales])

    def run_job(self) -> dg.ExecuteInProcessResult:
        """Materialise the table's job."""
        return self.materialise(job_key(self.table))

    def run_report(self, first: str, last: str) -> dg.ExecuteInProcessResult:
        """Materialise the report's partitions from one to another, as a backfill's run does."""
        return self.materialise(table_key(self.report), tags={RANGE_START: first, RANGE_END: last})

    def materialise(self, key: dg.AssetKey, *, tags: dict[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """A run of one asset with its checks, as the page starts it."""
        job = dg.define_asset_job("by_hand", dg.AssetSelection.assets(key))
        merged = dg.Definitions.merge(self.definitions, dg.Definitions(jobs=[job]))
        return merged.resolve_job_def("by_hand").execute_in_process(instance=self.instance, tags=tags)

    def tick(self, sensor: str, cursor: str | None) -> tuple[list[Any], str | None]:
        """One tick of a sensor: what it reports, and its cursor."""
        data = self.evaluate(sensor, cursor)
        return list(data.asset_events), data.cursor

    def evaluate(self, sensor: str, cursor: str | None) -> SensorExecutionData:
        """All that one tick of a sensor gives."""
        definition = self.definitions.get_repository_def().get_sensor_def(sensor)
        with dg.build_sensor_context(
            instance=self.instance, cursor=cursor, definitions=self.definitions, resources=self.definitions.resources
        ) as context:
            return definition.evaluate_tick(context)

    def seen(self, cursor: str | None, table: TableName) -> int:
        """The snapshot id that the snapshot sensor's cursor holds of a table."""
        told = json.loads(cursor or "{}").get(str(table))
        return Seen.from_json(told).snapshot if told else 0

    def an_hour_later(self, cursor: str | None) -> str:
        """The cursor as it is when everything in it was told an hour before."""
        told = {name: Seen.from_json(entry) for name, entry in json.loads(cursor or "{}").items()}
        return json.dumps({name: replace(seen, told_at=seen.told_at - 3600).as_json() for name, seen in told.items()})


def metadata(result: dg.ExecuteInProcessResult) -> dict[str | None, dict[str, Any]]:
    """What each materialization of a run says, by partition."""
    events = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return {event.partition: {key: value.value for key, value in event.metadata.items()} for event in events}
