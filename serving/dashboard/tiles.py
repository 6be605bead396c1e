"""The market grid: one small tile for each market, made once for all viewers and a few KB in all."""

from fractions import Fraction
from typing import Any

from headwater.dashboard.dashboard import Measure, Unit
from headwater.model import Market
from serving.dashboard import wording
from serving.dashboard.figures import Pair, change, grouped
from serving.dashboard.frame import Frame
from serving.dashboard.selection import Selection
from serving.dashboard.series import LAST_HOURS, silence, spark

View = dict[str, Any]

_SILENT_MINUTES = 15
_HIGHEST = 99


def tiles(frame: Frame, selection: Selection, base: str) -> View:
    """A tile for each market that is chosen, by name; none where only one is, which the page is about anyway."""
    measure = frame.dashboard.measure(selection.measure)
    groups = grouped(frame, selection.but(markets=()), lambda each: each.market or "")
    chosen = [each for each in frame.markets if not selection.markets or each.code in selection.markets]
    shown = [
        _tile(frame, selection, base, market, groups[market.code])
        for market in sorted(chosen, key=lambda each: each.name)
        if market.code in groups
    ]
    return {
        "caption": f"{measure.label} in each market",
        "about": f"against {selection.against.words}; the line is the last {LAST_HOURS.minutes // 60} hours",
        "tiles": shown if len(shown) > 1 else [],
    }


def _tile(frame: Frame, selection: Selection, base: str, market: Market, pair: Pair) -> View:
    measure = frame.dashboard.measure(selection.measure)
    here = selection.but(markets=(market.code,))
    today, other = pair.of(measure)
    percent = wording.changed(measure, other, today)
    clock = frame.now.astimezone(market.zone)
    return {
        "id": market.code,
        "name": market.name,
        "href": base + here.query(frame.dashboard),
        "value": wording.shown(measure, today, market.currency if measure.unit is Unit.MONEY else ""),
        "change": "" if percent == wording.NOTHING else percent,
        "by": _by(measure, other, today),
        "direction": wording.direction(other, today),
        "tone": wording.tone(measure, other, today),
        "clock": f"{clock:%a %H:%M}",
        "old": _silence(frame, market),
        "spark": _whole(spark(frame, here.slices(frame), measure, LAST_HOURS)),
    }


def _by(measure: Measure, before: Fraction | None, after: Fraction | None) -> float | None:
    """What the grid is ordered by: the change as it is shown; None where nothing can be compared."""
    if measure.unit is Unit.SHARE:
        return None if before is None or after is None else round(float(after - before), 5)
    grown = change(before, after)
    return None if grown is None else round(float(grown), 5)


def _silence(frame: Frame, market: Market) -> str:
    """That nothing has come from a market, in words, whatever is filtered by; "" while something does."""
    whole = Selection((market.code,), ((),) * len(frame.dashboard.dimensions))
    quiet = frame.kept(("silence", market.code), lambda: silence(frame, whole.slices(frame)))
    if quiet < _SILENT_MINUTES:
        return ""
    return f"nothing for {quiet}{wording.NARROW}min" if quiet < 60 else "nothing for an hour"


def _whole(values: list[float | None]) -> list[int | None]:
    """The line's points as small whole numbers: it has no axis, and they are sent to everybody."""
    highest = max((abs(value) for value in values if value is not None), default=0.0) or 1.0
    return [None if value is None else round(value / highest * _HIGHEST) for value in values]
