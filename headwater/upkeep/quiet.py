"""When a warehouse is quiet."""

from collections.abc import Sequence
from datetime import UTC, datetime

from headwater.model import Market

_WAKING = range(7, 24)
# A day in the middle of a month without a change of clocks anywhere, so that the hour is the same at every load.
_DAY = (2026, 1, 15)
_DEFAULT = 3


def quiet_hour(markets: Sequence[Market]) -> int:
    """The hour of the day, in UTC, in which the fewest markets are awake (07:00 to 24:00).

    Of several such hours it is the one that is nearest to 03:30 in all of them.
    """
    if not markets:
        return _DEFAULT

    def unrest(hour: int) -> tuple[int, float]:
        at = datetime(*_DAY, hour, tzinfo=UTC)
        local = [at.astimezone(market.zone) for market in markets]
        awake = sum(there.hour in _WAKING for there in local)
        return awake, sum(abs((there.hour + there.minute / 60 - 3.5 + 12) % 24 - 12) for there in local)

    return min(range(24), key=unrest)
