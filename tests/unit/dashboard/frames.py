"""Frames of made-up minutes, and the same numbers by going through the rows one by one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import numpy as np

from headwater.dashboard.dashboard import Dashboard, Dimension, Good, Measure, Unit
from headwater.engines import Snapshot
from headwater.model import Market, TableName
from serving.dashboard.comparison import Against, days_needed
from serving.dashboard.frame import DAY_MINUTES, Block, Frame, Slice, first_minute, minute_of

MARKETS = (
    Market("us", "United States", ZoneInfo("America/New_York"), "USD"),
    Market("in", "India", ZoneInfo("Asia/Kolkata"), "INR"),
    Market("hk", "Hong Kong", ZoneInfo("Asia/Hong_Kong"), "HKD"),
)
CREATED = Measure("created", "Created", "created")
CANCELLED = Measure("cancelled", "Cancelled", "cancelled", good=Good.DOWN)
REVENUE = Measure("revenue", "Revenue", "revenue", unit=Unit.MONEY)
RATE = Measure("rate", "Cancelled per created", "cancelled", "created", Unit.SHARE, Good.DOWN)
WAITING = Measure("waiting", "Waiting time", "seconds", "created", Unit.SECONDS, Good.DOWN)
DASHBOARD = Dashboard(
    "shop",
    Path("dashboards/shop.yaml"),
    "Shop",
    "Orders as they happen.",
    "shop-team",
    TableName.parse("dm.shop"),
    "minute_at",
    "market",
    "day",
    (Dimension("kind", "Kind"), Dimension("size", "Size")),
    (CREATED, CANCELLED, REVENUE, RATE, WAITING),
)
SCALES = {"created": 0, "cancelled": 0, "revenue": 2, "seconds": 0}


@dataclass(frozen=True)
class Row:
    slice: Slice
    minute: int
    values: dict[str, int]


def rows_of(seed: int, now: datetime, days: int = 9, rows: int = 600) -> list[Row]:
    random = Random(seed)
    slices = [
        Slice(market, (kind, size))
        for market in ("us", "in", "hk", "zz")
        for kind in ("a", "b", None)
        for size in ("s", "m")
    ]
    last = minute_of(now)
    return [
        Row(
            random.choice(slices),
            random.randrange(last - days * DAY_MINUTES, last + 5),
            {column: random.randrange(0, 90) for column in SCALES},
        )
        for _ in range(rows)
    ]


def frame_of(rows: Sequence[Row], now: datetime, against: Iterable[Against] = (Against(1), Against(7))) -> Frame:
    slices = tuple(dict.fromkeys(row.slice for row in rows))
    days = {day for each in against for day in days_needed(MARKETS, now, each)}
    blocks = {}
    for day in days:
        first = first_minute(day)
        within = [(row, row.minute - first) for row in rows if 0 <= row.minute - first < DAY_MINUTES]
        here = sorted(
            ((slices.index(row.slice) * DAY_MINUTES + minute, row) for row, minute in within), key=lambda each: each[0]
        )
        running = {
            column: np.concatenate([[0], np.cumsum([row.values[column] for _, row in here], dtype=np.int64)]).astype(
                np.int64
            )
            for column in SCALES
        }
        blocks[day] = Block(day, np.array([place for place, _ in here], dtype=np.int64), running)
    snapshot = Snapshot(7, now, "APPEND", now, len(rows), 0)
    return Frame(DASHBOARD, snapshot, now, MARKETS, slices, blocks, SCALES, 1)


def counted(rows: Sequence[Row], column: str, holds: Callable[[Row], bool]) -> Fraction:
    return Fraction(sum(row.values[column] for row in rows if holds(row)), 10 ** SCALES[column])


def clock(row: Row, market: Market) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=row.minute)).astimezone(market.zone)
