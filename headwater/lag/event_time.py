"""Event-time lag: how far behind the clock the newest event is that a table holds everything up to."""

from collections.abc import Callable
from datetime import datetime, timedelta

from headwater.engines import Snapshot
from headwater.model import Model, TableName


def event_time_lag(
    model: Model, upstream: Callable[[TableName], Model], snapshot: Snapshot | None, now: datetime
) -> timedelta | None:
    """The lag of a streaming table at a snapshot, or None when no watermark says how far it is."""
    if snapshot is None or snapshot.watermark is None:
        return None
    return lag_behind(snapshot.watermark, model, upstream, now)


def lag_behind(watermark: datetime, model: Model, upstream: Callable[[TableName], Model], now: datetime) -> timedelta:
    """From a watermark of the model's job to now; never negative.

    A watermark trails the newest event by the declared lateness, which is waiting on purpose, not lag: the smallest
    lateness among the inputs is taken off.
    """
    allowances = [source.event_time.lateness for source in map(upstream, model.reads) if source.event_time]
    return max(now - watermark - min(allowances, default=timedelta(0)), timedelta(0))
