"""Lines over time: a measure minute by minute, today and on the other day, for the chart and the small lines beside."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.dashboard.dashboard import Measure
from serving.dashboard.comparison import Against, other_edges
from serving.dashboard.frame import Frame, Sums, minute_of
from serving.dashboard.selection import Selection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MINUTES_A_POINT = {1: 1, 3: 1, 24: 5}
"""By the hours that a chart shows, how many minutes one of its points is the sum of."""


@dataclass(frozen=True, slots=True)
class Span:
    """How far a small line goes back, and how many minutes each of its points is the sum of."""

    minutes: int
    step: int


LAST_HOUR, LAST_HOURS = Span(60, 3), Span(360, 15)


@dataclass(frozen=True, slots=True)
class Line:
    """A measure's values, one after the other; None where it has none.

    Args:
        start: The first point's first minute, since 1970.
        step: Minutes of one point.
        today: The values.
        other: Those of the other day, at the same local times of each market.
    """

    start: int
    step: int
    today: tuple[float | None, ...]
    other: tuple[float | None, ...]


def line(frame: Frame, selection: Selection, measure: Measure) -> Line:
    """The measure over the hours before now, of all slices that are chosen."""
    import numpy as np

    step = MINUTES_A_POINT[selection.hours]
    end = minute_of(frame.now)
    edges = np.arange(end - selection.hours * 60, end + 1, step, dtype=np.int64)
    slices = selection.slices(frame)

    def sums() -> tuple[Sums, Sums]:
        others = _other_edges(frame, edges, selection.against)[frame.market_of[slices]]
        return _between(frame, slices, np.broadcast_to(edges, others.shape)), _between(frame, slices, others)

    today, other = frame.kept(("line", selection.but(measure="")), sums)
    return Line(int(edges[0]), step, _values(frame, measure, today), _values(frame, measure, other))


def sparks(frame: Frame, span: Span = LAST_HOUR) -> Sums:
    """Of each slice its columns over the time before now, point by point; kept in the frame."""
    import numpy as np

    def sums() -> Sums:
        end = minute_of(frame.now)
        edges = np.arange(end - span.minutes, end + 1, span.step, dtype=np.int64)
        slices = np.arange(len(frame.slices), dtype=np.int64)[:, None]
        return frame.sums(slices, edges[None, :-1], edges[None, 1:])

    return frame.kept(("sparks", span), sums)


def spark(frame: Frame, slices: "NDArray[np.int64]", measure: Measure, span: Span = LAST_HOUR) -> list[float | None]:
    """The measure over the time before now, of these slices."""
    sums = {column: sparks(frame, span)[column][slices].sum(axis=0) for column in measure.columns}
    return list(_values(frame, measure, sums))


def silence(frame: Frame, slices: "NDArray[np.int64]") -> int:
    """For how many minutes before now no column of these slices has counted anything; an hour at most."""
    import numpy as np

    counted = np.zeros(LAST_HOUR.minutes // LAST_HOUR.step, dtype=bool)
    for found in sparks(frame).values():
        counted |= (found[slices] != 0).any(axis=0)
    places = np.flatnonzero(counted[::-1])
    return LAST_HOUR.step * int(places[0]) if len(places) else LAST_HOUR.minutes


def _other_edges(frame: Frame, edges: "NDArray[np.int64]", against: Against) -> "NDArray[np.int64]":
    """By market, and below it by edge."""
    import numpy as np

    minutes = [int(edge) for edge in edges]
    rows = [other_edges(market, minutes, frame.now, against) for market in frame.markets]
    return np.array(rows or [minutes], dtype=np.int64)


def _between(frame: Frame, slices: "NDArray[np.int64]", edges: "NDArray[np.int64]") -> Sums:
    sums = frame.sums(slices[:, None], edges[:, :-1], edges[:, 1:])
    return {column: found.sum(axis=0) for column, found in sums.items()}


def _values(frame: Frame, measure: Measure, sums: Sums) -> tuple[float | None, ...]:
    top = _scaled(frame, sums, measure.column)
    if not measure.per:
        return tuple(top)
    return tuple(a / b if b else None for a, b in zip(top, _scaled(frame, sums, measure.per), strict=True))


def _scaled(frame: Frame, sums: Sums, column: str) -> list[float]:
    return [number / 10 ** max(0, frame.scales[column]) for number in sums[column].tolist()]
