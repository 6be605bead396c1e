"""A small warehouse as values: two sources, two detail tables, a measure, two reports, four markets."""

from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from headwater.checks.kinds import Accepted, Check, NotNull
from headwater.model import (
    ChangelogProducer,
    Column,
    EventTime,
    Flow,
    Freshness,
    Layer,
    Market,
    Merge,
    Model,
    ReportSchedule,
    Storage,
    TableName,
    Topic,
    TopicFormat,
    Warehouse,
)
from headwater.sqltype import SqlType
from headwater.versions import code_versions

ROOT = Path("warehouse")
STORED = Storage(Merge.DEDUPLICATE, ChangelogProducer.LOOKUP)

CLICKS = TableName(Layer.ODS, "clicks")
USERS = TableName(Layer.ODS, "users")
VISITS = TableName(Layer.DWD, "visits")
VISITORS = TableName(Layer.DWD, "visitors")
HITS = TableName(Layer.DM, "hits")
DAILY = TableName(Layer.RPT, "daily_hits")
WEEKLY = TableName(Layer.RPT, "weekly_hits")

SYDNEY = Market("au", "Australia", ZoneInfo("Australia/Sydney"))
KOLKATA = Market("in", "India", ZoneInfo("Asia/Kolkata"))
NEW_YORK = Market("us", "United States", ZoneInfo("America/New_York"))
MEXICO = Market("mx", "Mexico", ZoneInfo("America/Mexico_City"))
MARKETS = (NEW_YORK, KOLKATA, SYDNEY, MEXICO)

COLUMNS = (
    Column("id", SqlType("BIGINT"), "The row's number.", required=True),
    Column("market", SqlType("STRING")),
    Column("seen_at", SqlType("TIMESTAMP_LTZ", (3,)), "When it happened."),
)


def source(name: TableName) -> Model:
    return Model(
        name=name,
        file=_file(name),
        description=f"All {name.table}, as upstream has them.",
        owner="web-team",
        columns=COLUMNS,
        topic=Topic(f"web.{name.table}", TopicFormat.JSON),
        event_time=EventTime("seen_at"),
    )


def streaming(name: TableName, *reads: TableName, freshness: Freshness | None = None) -> Model:
    return Model(
        name=name,
        file=_file(name),
        description=f"The table {name.table}.",
        owner="data@example.com",
        columns=COLUMNS,
        key=("id",),
        partition_by=("market",),
        flows=flows(*reads),
        storage=STORED,
        freshness=freshness,
    )


def report(
    name: TableName,
    *reads: TableName,
    at: time = time(1, 30),
    start_date: str = "2026-01-01",
    reopen: timedelta = timedelta(),
) -> Model:
    return Model(
        name=name,
        file=_file(name),
        description=f"The report {name.table}.",
        owner="",
        columns=COLUMNS,
        partition_by=("market", "local_date"),
        flows=flows(*reads),
        storage=Storage(Merge.APPEND, ChangelogProducer.NONE),
        schedule=ReportSchedule(at, start_date, time(at.hour + 2, at.minute), reopen),
    )


def monthly(name: TableName, *reads: TableName, at: time = time(3, 0), reopen: timedelta = timedelta()) -> Model:
    return replace(report(name, *reads, at=at, reopen=reopen), partition_by=("market", "local_month"))


def flows(*reads: TableName, sql: str = "SELECT id, market, seen_at FROM {}") -> tuple[Flow, ...]:
    return tuple(Flow(f"from_{name.table}", Path("a.sql"), sql.format(name), (name,), ()) for name in reads)


def warehouse(*models: Model, markets: tuple[Market, ...] = MARKETS) -> Warehouse:
    declared = models or MODELS
    return Warehouse(ROOT, declared, markets, code_versions(declared))


def _file(name: TableName) -> Path:
    return ROOT / name.layer.value / name.table / "table.yaml"


MODELS = (
    source(CLICKS),
    source(USERS),
    replace(
        streaming(VISITS, CLICKS, USERS, freshness=Freshness(timedelta(seconds=30), timedelta(minutes=2))),
        checks=(Check(NotNull(("id", "market"))), Check(Accepted("market", ("au", "us")))),
    ),
    streaming(VISITORS, USERS),
    streaming(HITS, VISITS, freshness=Freshness(None, timedelta(seconds=20))),
    report(DAILY, HITS, VISITS),
    report(WEEKLY, DAILY),
)
