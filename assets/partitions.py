"""Report partitions: a local date of a market."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from headwater.batch import Partition
from headwater.model import Market

DATE = "date"
MARKET = "market"

# Months of winter and summer on either hemisphere: between them a zone shows both its offsets.
_SEASONS = (1, 4, 7, 10)


def report_partitions(markets: Sequence[Market], start_date: str) -> dg.MultiPartitionsDefinition:
    """Local date × market, from `start_date` on.

    Dagster gives the whole date dimension one zone. It is the eastmost market's, where a day ends first, so that
    no market has to wait for its key. What instants a partition covers is worked out from the market's own zone;
    the time window that Dagster would give for the key is right for one zone only, and never asked for.
    """
    return dg.MultiPartitionsDefinition(
        {
            DATE: dg.DailyPartitionsDefinition(start_date=start_date, timezone=eastmost(markets).key),
            MARKET: dg.StaticPartitionsDefinition([market.code for market in markets]),
        }
    )


def eastmost(markets: Sequence[Market]) -> ZoneInfo:
    """The zone whose days end first: the largest offset from UTC in its summer, then in its winter."""
    return max((market.zone for market in markets), key=_offsets)


def westmost(markets: Sequence[Market]) -> ZoneInfo:
    """The zone whose days end last."""
    return min((market.zone for market in markets), key=_offsets)


def partition_key(partition: Partition) -> dg.MultiPartitionKey:
    """Dagster's key of a partition: `2026-11-16|hk`."""
    return dg.MultiPartitionKey({DATE: partition.local_date.isoformat(), MARKET: partition.market})


def partition_of(key: str) -> Partition:
    """The partition of a key that Dagster gave. Raises ValueError when it is not of the form `<date>|<market>`."""
    day, _, market = key.partition("|")
    return Partition(market, date.fromisoformat(day))


def _offsets(zone: ZoneInfo) -> tuple[timedelta, timedelta, str]:
    year = date.today().year
    found = [zone.utcoffset(datetime(year, month, 15)) or timedelta() for month in _SEASONS]
    return max(found), min(found), zone.key
