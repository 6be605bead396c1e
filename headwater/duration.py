"""Spans of time as a person writes them: `500ms`, `30s`, `2m`, `36h`, `7d`."""

import re
from datetime import timedelta

PATTERN = r"^[1-9][0-9]*(ms|s|m|h|d)$"

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse_duration(text: str) -> timedelta:
    """Read a whole number and one unit. Raises ValueError for anything else, zero included."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError(
            f"«{text}» is not a duration; write a whole number and a unit, as in 500ms, 30s, 2m, 36h or 7d"
        )
    number = text.rstrip("dhms")
    try:
        return int(number) * _UNITS[text[len(number) :]]
    except OverflowError:
        raise ValueError(f"«{text}» is longer than {timedelta.max.days} days") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration with the largest unit that leaves a whole number. Raises ValueError below a millisecond."""
    for unit, length in _UNITS.items():
        if duration >= length and not duration % length:
            return f"{duration // length}{unit}"
    raise ValueError(f"{duration} is not a whole, positive number of milliseconds")


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
