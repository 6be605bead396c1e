"""A report over orders, its markets and its table."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from headwater.model import Column, Flow, Market, Model, TableName
from headwater.sqltype import SqlType

DAY = date(2026, 11, 22)
Write = Callable[..., None]
ORDERS = TableName.parse("dwd.orders")
ORDER_COLUMNS = {
    "market": "STRING",
    "order_id": "BIGINT",
    "created_at": "TIMESTAMP_LTZ(3)",
    "price": "DECIMAL(12, 2)",
    "status": "STRING",
}
REPORT_COLUMNS = {
    "market": "STRING",
    "local_date": "DATE",
    "created": "BIGINT",
    "revenue": "DECIMAL(20, 2)",
}
REPORT_SQL = """SELECT d.market, d.local_date, COUNT(*) AS created, SUM(o.price) AS revenue
FROM dwd.orders AS o
JOIN calendar.local_day AS d ON o.market = d.market AND o.created_at >= d.starts_at AND o.created_at < d.ends_at
GROUP BY d.market, d.local_date"""
MARKETS = (
    Market("hk", "Hong Kong", ZoneInfo("Asia/Hong_Kong")),
    Market("au", "Australia", ZoneInfo("Australia/Sydney")),
)


def report(sql: str = REPORT_SQL, **columns: str) -> Model:
    """A report over dwd.orders."""
    declared = {**REPORT_COLUMNS, **columns}
    return Model(
        name=TableName.parse("rpt.daily"),
        file=Path("rpt/daily/table.yaml"),
        description="Orders per local day.",
        owner="orders-team",
        columns=tuple(Column(name, SqlType.parse(kind), required=name == "created") for name, kind in declared.items()),
        partition_by=("market", "local_date"),
        flows=(Flow("select", Path("rpt/daily/select.sql"), sql, (ORDERS,), ()),),
    )
