"""What a page shows: filters, the measure, the other day. It stands in the page's address, so that it can be shared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

from headwater.dashboard.dashboard import Dashboard, Measure, Unit
from serving.dashboard.comparison import YESTERDAY, Against
from serving.dashboard.frame import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_VALUE = "(none)"
"""How NULL in a dimension's column is called."""

CHART_HOURS = (1, 3, 24)
_DEFAULT_HOURS = 3


@dataclass(frozen=True, slots=True)
class Selection:
    """One page's choice.

    Args:
        market: A market's code; "" for all of them.
        values: Of each dimension one value; "" for all of them.
        measure: The measure's name that charts and tables are about.
        against: The other day.
        hours: How far the chart goes back.
    """

    market: str = ""
    values: tuple[str, ...] = ()
    measure: str = ""
    against: Against = YESTERDAY
    hours: int = _DEFAULT_HOURS

    @classmethod
    def parse(cls, query: Mapping[str, str], dashboard: Dashboard, markets: Mapping[str, object], today: date) -> Self:
        """Read an address's query. What it does not say, or says wrongly, is as by default.

        Args:
            markets: The declared ones by code.
            today: Somewhere on earth.
        """
        names = [measure.name for measure in dashboard.measures]
        hours = query.get("span", "")
        return cls(
            market=query.get("market", "") if query.get("market") in markets else "",
            values=tuple(query.get(dimension.column, "") for dimension in dashboard.dimensions),
            measure=query.get("measure", "") if query.get("measure") in names else names[0],
            against=Against.parse(query.get("against", ""), today),
            hours=int(hours) if hours in map(str, CHART_HOURS) else _DEFAULT_HOURS,
        )

    def query(self, dashboard: Dashboard) -> str:
        """The address's query that means this, with its `?`; "" when all is as by default."""
        said = {"market": self.market} | {
            dimension.column: value for dimension, value in zip(dashboard.dimensions, self.values, strict=True)
        }
        if self.measure != dashboard.measures[0].name:
            said["measure"] = self.measure
        if self.against != YESTERDAY:
            said["against"] = str(self.against)
        if self.hours != _DEFAULT_HOURS:
            said["span"] = str(self.hours)
        text = urlencode({name: value for name, value in said.items() if value})
        return f"?{text}" if text else ""

    def but(self, **changes: object) -> "Selection":
        """The same with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_value(self, place: int, value: str) -> "Selection":
        """The same with another value of one dimension."""
        return replace(self, values=(*self.values[:place], value, *self.values[place + 1 :]))

    def slices(self, frame: Frame) -> "NDArray[np.int64]":
        """The numbers of the slices that are chosen. Those of undeclared markets never are."""
        import numpy as np

        return np.array(
            [
                number
                for number, each in enumerate(frame.slices)
                if frame.market_of[number] >= 0
                and self.market in ("", each.market)
                and all(chosen in ("", named(value)) for chosen, value in zip(self.values, each.values, strict=True))
            ],
            dtype=np.int64,
        )

    def currency(self, frame: Frame, measure: Measure) -> str | None:
        """The currency of an amount; "" for what is none, None for one over several currencies: it has no sum."""
        if measure.unit is not Unit.MONEY:
            return ""
        markets = {int(place) for place in frame.market_of[self.slices(frame)]}
        currencies = {frame.markets[place].currency for place in markets}
        return currencies.pop() if len(currencies) == 1 else None if currencies else ""


def named(value: str | None) -> str:
    """A dimension's value as people and addresses call it."""
    return NO_VALUE if value is None else value
