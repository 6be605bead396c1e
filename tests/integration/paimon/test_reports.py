from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from headwater.batch import Partition
from headwater.model import Column, Flow, Market, Model, TableName
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.paimon import tags
from resources.paimon.store import FilesystemTableStore
from resources.report import run_report
from tests.integration.paimon.flinkbatch import FlinkBatch

RIDES, DAILY = TableName.parse("dwd.report_rides"), TableName.parse("rpt.report_daily")
MARKETS = (Market("us", "", ZoneInfo("America/New_York")), Market("in", "", ZoneInfo("Asia/Kolkata")))
SQL = """SELECT d.market, d.local_date, COUNT(*) AS rides, SUM(r.fare) AS fares, MAX(r.started_at) AS last_at
FROM dwd.report_rides AS r
JOIN calendar.local_day AS d ON r.market = d.market AND r.started_at >= d.starts_at AND r.started_at < d.ends_at
GROUP BY d.market, d.local_date"""
COLUMNS = {
    "market": "STRING",
    "local_date": "DATE",
    "rides": "BIGINT",
    "fares": "DECIMAL(38, 2)",
    "last_at": "TIMESTAMP_LTZ(3)",
}
DAYS = [Partition(market, date(2026, 11, 1)) for market in ("us", "in")]


@pytest.fixture(scope="module")
def rides(flink: FlinkBatch) -> TableName:
    """Key table, two commits: New York's 25-hour day has rides in its first and last minute, ride 1 is corrected."""
    flink.execute(
        f"""CREATE TABLE {RIDES} (market STRING, ride_id BIGINT, started_at TIMESTAMP_LTZ(3), fare DECIMAL(12, 2),
          PRIMARY KEY (market, ride_id) NOT ENFORCED) WITH ('bucket' = '1', 'write-only' = 'true')"""
    )
    moments = ["2026-11-01 04:00:00", "2026-11-02 04:59:59.999", "2026-11-02 05:00:00", "2026-11-01 03:59:59.999"]
    us = [f"('us', {n}, CAST(TIMESTAMP '{at}' AS TIMESTAMP_LTZ(3)), 1.10)" for n, at in enumerate(moments, 1)]
    india = "('in', 9, CAST(TIMESTAMP '2026-10-31 18:30:00' AS TIMESTAMP_LTZ(3)), 5)"
    flink.execute(f"INSERT INTO {RIDES} VALUES {', '.join([*us, india])}")
    flink.execute(f"INSERT INTO {RIDES} VALUES ('us', 1, CAST(TIMESTAMP '{moments[0]}' AS TIMESTAMP_LTZ(3)), 2.20)")
    return RIDES


def model() -> Model:
    columns = tuple(Column(name, SqlType.parse(kind)) for name, kind in COLUMNS.items())
    flow = Flow("select", Path("select.sql"), SQL, (RIDES,), ())
    return Model(DAILY, Path("table.yaml"), "", "", columns, partition_by=("market", "local_date"), flows=(flow,))


def test_flink_reads_what_a_report_run_wrote(stack: Stack, flink: FlinkBatch, rides: TableName) -> None:
    for _ in range(2):
        result = run_report(stack, model(), DAYS, markets=MARKETS)
        assert result.rows == 2
        assert sorted(flink.execute(f"SELECT * FROM {DAILY}")) == [
            ["in", "2026-11-01", 1, Decimal("5.00"), "2026-10-31T18:30:00Z"],
            ["us", "2026-11-01", 2, Decimal("3.30"), "2026-11-02T04:59:59.999Z"],
        ]
        assert [part.complete for part in result.partitions] == [True, True]
    assert tags.names(stack.lake, rides) == ()


def test_flink_can_overwrite_and_describe_the_table_too(stack: Stack, flink: FlinkBatch, rides: TableName) -> None:
    run_report(stack, model(), DAYS, markets=MARKETS)
    described = flink.execute(f"DESCRIBE {DAILY}")
    assert [row[:2] for row in described] == [list(column) for column in COLUMNS.items()]
    flink.execute(
        f"INSERT OVERWRITE {DAILY} PARTITION (market = 'in', local_date = '2026-11-01')"
        " SELECT CAST(7 AS BIGINT), CAST(7 AS DECIMAL(38, 2)), CAST(NULL AS TIMESTAMP_LTZ(3))"
    )
    run_report(stack, model(), DAYS[:1], markets=MARKETS)
    assert sorted(row[:3] for row in flink.execute(f"SELECT * FROM {DAILY}")) == [
        ["in", "2026-11-01", 7],
        ["us", "2026-11-01", 2],
    ]


def test_a_tag_of_a_run_is_a_tag_to_flink_and_keeps_the_snapshot(
    stack: Stack, flink: FlinkBatch, rides: TableName
) -> None:
    tags.create(stack.lake, rides, 1, "headwater-rpt.x-1-1-aa")
    try:
        assert flink.execute("SELECT tag_name, snapshot_id FROM dwd.`report_rides$tags`") == [
            ["headwater-rpt.x-1-1-aa", 1]
        ]
        flink.execute("CALL sys.expire_snapshots(`table` => 'dwd.report_rides', retain_max => 1, retain_min => 1)")
        snapshot = FilesystemTableStore(stack.lake).latest_snapshot(rides)
        assert snapshot is not None
        assert snapshot.id == 2
        hint = "/*+ OPTIONS('scan.tag-name' = 'headwater-rpt.x-1-1-aa') */"
        assert flink.execute(f"SELECT fare FROM dwd.report_rides {hint} WHERE ride_id = 1") == [[Decimal("1.10")]]
    finally:
        tags.delete(stack.lake, rides, "headwater-rpt.x-1-1-aa")
    assert flink.execute("SELECT tag_name FROM dwd.`report_rides$tags`") == []


def test_a_ride_that_flink_commits_late_makes_its_day_anew_and_no_other(
    stack: Stack, flink: FlinkBatch, rides: TableName
) -> None:
    run_report(stack, model(), DAYS, markets=MARKETS)
    late = "CAST(TIMESTAMP '2026-11-01 06:30:00' AS TIMESTAMP_LTZ(3))"
    flink.execute(f"INSERT INTO {RIDES} VALUES ('us', 77, {late}, 0.70)")
    looked = run_report(stack, model(), DAYS, markets=MARKETS, asked=False, only_corrections=True)
    assert [(str(part.partition), part.reason) for part in looked.partitions] == [
        ("us/2026-11-01", "late data: rides +1, fares +0.70")
    ]
    assert sorted(flink.execute(f"SELECT market, rides, fares FROM {DAILY}")) == [
        ["in", 1, Decimal("5.00")],
        ["us", 3, Decimal("4.00")],
    ]
    again = run_report(stack, model(), DAYS, markets=MARKETS, asked=False, only_corrections=True)
    assert (again.partitions, again.snapshot_id) == ((), None)
