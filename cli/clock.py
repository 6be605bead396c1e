"""Durations and instants as people read them."""

from datetime import datetime, timedelta


def elapsed(value: timedelta | None) -> str:
    """`0.8 s`, `42 s`, `3 min 20 s`, `5 h 03 min`, `2 d 4 h`; `–` for None."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min {rest:02} s"
    days, hours = divmod(hours, 24)
    return f"{hours} h {minutes:02} min" if days == 0 else f"{days} d {hours} h"


def local(instant: datetime | None) -> str:
    """An instant in the viewer's zone, with the zone's name; `–` for None."""
    return "–" if instant is None else instant.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def iso(instant: datetime | None) -> str | None:
    """An instant as ISO-8601 in UTC, for programs."""
    return None if instant is None else instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(value: timedelta | None) -> float | None:
    """A duration in seconds, for programs."""
    return None if value is None else round(value.total_seconds(), 3)
