"""Looks at the checks of a table of orders."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from headwater.checks.kinds import Check, Kind, Severity, SqlCheck
from headwater.checks.outcome import Examined, Outcome
from headwater.model import CHECK_ROWS, Column, EventTime, Market, Model, Warehouse
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.checks.examine import examine
from tests.unit.batch.daily import ORDER_COLUMNS, ORDERS

MODEL = Model(
    name=ORDERS,
    file=Path("dwd/orders/table.yaml"),
    description="",
    owner="",
    columns=tuple(Column(name, SqlType.parse(kind)) for name, kind in ORDER_COLUMNS.items()),
    key=("market", "order_id"),
    event_time=EventTime("created_at"),
)
MARKETS = (Market("hk", "Hong Kong", ZoneInfo("Asia/Hong_Kong")), Market("in", "India", ZoneInfo("Asia/Kolkata")))


def declared(*kinds: Kind | Check, rows: int = CHECK_ROWS) -> Model:
    """The table with these checks."""
    return replace(MODEL, checks=tuple(k if isinstance(k, Check) else Check(k) for k in kinds), check_rows=rows)


def warehouse(*models: Model) -> Warehouse:
    return Warehouse(Path("warehouse"), models, MARKETS)


def look(stack: Stack, model: Model, *, whole: bool = False) -> Examined:
    return examine(stack, warehouse(model), model, whole=whole)


def outcome(stack: Stack, model: Model, *, whole: bool = False) -> Outcome:
    """Of the model's only check."""
    examined = look(stack, model, whole=whole)
    assert [str(error) for _, error in examined.failures] == []
    (found,) = examined.outcomes
    return found


def sql_check(sql: str, *, row_by_row: bool = False) -> SqlCheck:
    return SqlCheck("no_negative_price", Path("dwd/orders/checks/no_negative_price.sql"), sql, row_by_row)


def blocking(kind: Kind) -> Check:
    return Check(kind, Severity.ERROR, blocking=True)
