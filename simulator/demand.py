"""How many orders a market places in a minute: the rhythm of its local day and week."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from simulator.instant import MINUTE, to_datetime
from simulator.markets import Trade

# Monday to Sunday.
_WEEKDAY = (0.92, 0.94, 0.96, 1.0, 1.12, 1.15, 0.98)


def rhythm(local: datetime) -> float:
    """Demand at a local time of day and week, where 1 is about the evening peak of an ordinary Thursday.

    Low at night, a peak at lunch (12:15) and a higher one in the evening (18:45).
    """
    hour = local.hour + local.minute / 60
    day = 0.35 / (1 + math.exp(-(hour - 7) * 1.8)) / (1 + math.exp((hour - 22.5) * 1.8))
    lunch = 0.45 * math.exp(-(((hour - 12.25) / 1.1) ** 2))
    evening = 0.62 * math.exp(-(((hour - 18.75) / 1.4) ** 2))
    return _WEEKDAY[local.weekday()] * (0.03 + day + lunch + evening)


@lru_cache(maxsize=65_536)
def _rhythm_at(minute: int, zone: ZoneInfo) -> float:
    return rhythm(to_datetime(minute * MINUTE).astimezone(zone))


def intensity(trade: Trade, minute: int) -> float:
    """A market's demand in a minute (counted from 1970), relative to an average market at its peak."""
    return trade.weight * _rhythm_at(minute, trade.market.zone)


@dataclass(frozen=True, slots=True)
class Rate:
    """Demand without end.

    Args:
        trades: The markets.
        orders_per_second: World-wide, if every market were at its evening peak at once.
        seed: What the draw of each minute starts from.
    """

    trades: tuple[Trade, ...]
    orders_per_second: float
    seed: int

    def orders(self, trade: Trade, minute: int) -> int:
        """How many orders the market places in that minute: Poisson, from seed, market and minute alone."""
        whole = sum(each.weight for each in self.trades)
        mean = self.orders_per_second * 60 * intensity(trade, minute) / whole
        return _poisson(Random(f"demand/{self.seed}/{trade.market.code}/{minute}"), mean)


@dataclass(frozen=True, slots=True)
class Quota:
    """A given total over a span of minutes, shared out by rhythm. `of` gives it by (market number, minute)."""

    of: dict[tuple[int, int], int]

    @classmethod
    def share_out(cls, trades: Sequence[Trade], minutes: range, total: int) -> "Quota":
        """Exactly `total` orders: each cell gets the whole numbers that its stretch of the running sum contains."""
        cells = [(trade, minute) for minute in minutes for trade in trades]
        whole = math.fsum(intensity(trade, minute) for trade, minute in cells)
        shares: dict[tuple[int, int], int] = {}
        running, given = 0.0, 0
        for trade, minute in cells:
            running += intensity(trade, minute)
            upto = min(total, math.floor(running / whole * total + 0.5))
            shares[trade.number, minute] = upto - given
            given = upto
        last = (cells[-1][0].number, cells[-1][1])
        shares[last] += total - given
        return cls(shares)

    def orders(self, trade: Trade, minute: int) -> int:
        """How many orders the market places in that minute; none outside the span."""
        return self.of.get((trade.number, minute), 0)


Demand = Rate | Quota


def _poisson(random: Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count
