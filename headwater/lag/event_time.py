"""Event-time lag: how far behind the clock the newest event is that a table holds everything up to."""

from collections.abc import Callable
from datetime import datetime, timedelta

from headwater.engines import Snapshot
from headwater.model import Model, TableName


def event_time_lag(
    model: Model, upstream: Callable[[TableName], Model], snapshot: Snapshot | None, now: datetime
) -> timedelta | None:
    """The lag of a streaming table at a snapshot, or None when no watermark says how far it is.

    A snapshot's watermark trails the newest event by the declared lateness, which is waiting on purpose, not lag:
    the smallest lateness among the inputs is taken off. Never negative.
    """
    if snapshot is None or snapshot.watermark is None:
        return None
    allowances = [source.event_time.lateness for source in map(upstream, model.reads) if source.event_time]
    lag = now - snapshot.watermark - min(allowances, default=timedelta(0))
    return max(lag, timedelta(0))
