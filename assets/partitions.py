"""Report partitions: a local date or month of a market."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from headwater.batch import Partition
from headwater.model import Grain, Market

DATE = "date"
MARKET = "market"

# Months of winter and summer on either hemisphere: between them a zone shows both its offsets.
_SEASONS = (1, 4, 7, 10)


def report_partitions(
    markets: Sequence[Market], start_date: str, grain: Grain = Grain.DAY
) -> dg.MultiPartitionsDefinition:
    """Local date, or month, × market, from `start_date` on.

    Dagster gives the whole date dimension one zone. It is the eastmost market's, where a day ends first, so that
    no market has to wait for its key. What instants a partition covers is worked out from the market's own zone;
    the time window that Dagster would give for the key is right for one zone only, and never asked for.
    """
    zone = eastmost(markets).key
    dates = (
        dg.DailyPartitionsDefinition(start_date=start_date, timezone=zone)
        if grain is Grain.DAY
        else dg.MonthlyPartitionsDefinition(start_date=start_date[:7], timezone=zone, fmt="%Y-%m")
    )
    return dg.MultiPartitionsDefinition(
        {DATE: dates, MARKET: dg.StaticPartitionsDefinition([market.code for market in markets])}
    )


def days_of_months() -> dg.PartitionMapping:
    """How a report by months depends on one by days: each month of a market on that market's days."""
    return dg.MultiPartitionMapping(
        {
            DATE: dg.DimensionPartitionMapping(DATE, dg.TimeWindowPartitionMapping()),
            MARKET: dg.DimensionPartitionMapping(MARKET, dg.IdentityPartitionMapping()),
        }
    )


def eastmost(markets: Sequence[Market]) -> ZoneInfo:
    """The zone whose days end first: the largest offset from UTC in its summer, then in its winter."""
    return max((market.zone for market in markets), key=_offsets)


def westmost(markets: Sequence[Market]) -> ZoneInfo:
    """The zone whose days end last."""
    return min((market.zone for market in markets), key=_offsets)


def partition_key(partition: Partition) -> dg.MultiPartitionKey:
    """Dagster's key of a partition: `2026-11-16|hk`, or `2026-11|hk`."""
    return dg.MultiPartitionKey({DATE: partition.period, MARKET: partition.market})


def partition_of(key: str) -> Partition:
    """The partition of a key that Dagster gave. Raises ValueError when it is not of the form `<date>|<market>`."""
    day, _, market = key.partition("|")
    if len(day) == len("2026-11"):
        return Partition(market, date.fromisoformat(f"{day}-01"), Grain.MONTH)
    return Partition(market, date.fromisoformat(day))


def _offsets(zone: ZoneInfo) -> tuple[timedelta, timedelta, str]:
    year = date.today().year
    found = [zone.utcoffset(datetime(year, month, 15)) or timedelta() for month in _SEASONS]
    return max(found), min(found), zone.key
