"""Durations and instants as people read them."""

from datetime import datetime, timedelta

from headwater.duration import elapsed

__all__ = ["elapsed", "iso", "local", "seconds"]


def local(instant: datetime | None) -> str:
    """An instant in the viewer's zone, with the zone's name; `–` for None."""
    return "–" if instant is None else instant.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def iso(instant: datetime | None) -> str | None:
    """An instant as ISO-8601 in UTC, for programs."""
    return None if instant is None else instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(value: timedelta | None) -> float | None:
    """A duration in seconds, for programs."""
    return None if value is None else round(value.total_seconds(), 3)
