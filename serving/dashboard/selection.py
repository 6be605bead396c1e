"""What a page shows: filters, the measure, the other day. It stands in the page's address, so that it can be shared."""

from collections.abc import Iterable, Mapping
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
_MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """One page's choice.

    Args:
        markets: Codes of markets, as they are declared one after the other; none for all of them.
        values: Of each dimension its values, ordered; none for all of them.
        measure: The measure's name that charts and tables are about.
        against: The other day.
        hours: How far the chart goes back.
    """

    markets: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()
    measure: str = ""
    against: Against = YESTERDAY
    hours: int = _DEFAULT_HOURS

    @classmethod
    def parse(
        cls, query: Iterable[tuple[str, str]], dashboard: Dashboard, markets: Mapping[str, object], today: date
    ) -> Self:
        """Read an address's query. What it does not say, or says wrongly, is as by default.

        Args:
            query: Names and values; a filter's name comes once for each value that is chosen.
            markets: The declared ones by code.
            today: Somewhere on earth.
        """
        said: dict[str, list[str]] = {}
        for name, value in query:
            said.setdefault(name, []).append(value)
        last = {name: values[-1] for name, values in said.items()}
        names = [measure.name for measure in dashboard.measures]
        hours = last.get("span", "")
        chosen = [said.get(dimension.column, ()) for dimension in dashboard.dimensions]
        return cls(
            markets=tuple(code for code in markets if code in said.get("market", ())),
            values=tuple(tuple(sorted({value for value in values if value})[:_MOST_VALUES]) for values in chosen),
            measure=last.get("measure", "") if last.get("measure") in names else names[0],
            against=Against.parse(last.get("against", ""), today),
            hours=int(hours) if hours in map(str, CHART_HOURS) else _DEFAULT_HOURS,
        )

    @property
    def market(self) -> str:
        """The one market that is chosen; "" for none and for several: they have no zone and no currency together."""
        return self.markets[0] if len(self.markets) == 1 else ""

    def filters(self, dashboard: Dashboard) -> list[tuple[str, str]]:
        """What is filtered by, as names and values of an address's query."""
        said = [("market", code) for code in self.markets]
        for dimension, values in zip(dashboard.dimensions, self.values, strict=True):
            said += [(dimension.column, value) for value in values]
        return said

    def query(self, dashboard: Dashboard) -> str:
        """The address's query that means this, with its `?`; "" when all is as by default."""
        said = self.filters(dashboard)
        if self.measure != dashboard.measures[0].name:
            said.append(("measure", self.measure))
        if self.against != YESTERDAY:
            said.append(("against", str(self.against)))
        if self.hours != _DEFAULT_HOURS:
            said.append(("span", str(self.hours)))
        text = urlencode(said)
        return f"?{text}" if text else ""

    def but(self, **changes: object) -> "Selection":
        """The same with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def with_value(self, place: int, value: str) -> "Selection":
        """The same with this one value of one dimension."""
        return replace(self, values=(*self.values[:place], (value,), *self.values[place + 1 :]))

    def slices(self, frame: Frame) -> "NDArray[np.int64]":
        """The numbers of the slices that are chosen. Those of undeclared markets never are."""
        import numpy as np

        return np.array(
            [
                number
                for number, each in enumerate(frame.slices)
                if frame.market_of[number] >= 0
                and (not self.markets or each.market in self.markets)
                and all(
                    not chosen or named(value) in chosen for chosen, value in zip(self.values, each.values, strict=True)
                )
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
