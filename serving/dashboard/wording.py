"""Numbers, changes and ages as people read them."""

from datetime import timedelta
from fractions import Fraction

from headwater.dashboard.dashboard import Good, Measure, Unit
from serving.dashboard.figures import Value, change

NOTHING = "–"
MINUS = "\u2212"
NARROW = "\u202f"
"""A narrow space that no line is broken at."""

EVEN = Fraction(1, 2000)
"""A change that is shown as 0.0 % is none."""


def shown(measure: Measure, number: Value, currency: str = "") -> str:
    """A measure's value: `1,234`, `HKD 12,345`, `3 min 12 s`, `93.1 %`; a dash for none."""
    if number is None:
        return NOTHING
    match measure.unit:
        case Unit.SHARE:
            return f"{_signed(float(number) * 100, 1)}{NARROW}%"
        case Unit.SECONDS:
            return duration(timedelta(seconds=round(float(number))))
        case Unit.MONEY:
            amount = _signed(float(number), 0 if abs(number) >= 1000 else 2)
            return f"{currency}{NARROW}{amount}" if currency else amount
        case Unit.COUNT:
            return _signed(float(number), 0 if number.denominator == 1 else 1)


def difference(measure: Measure, number: Fraction, currency: str = "") -> str:
    """By how much a value has changed, with its sign: `+312`, `−3.1 points`."""
    sign = "+" if number > 0 else MINUS if number < 0 else "±"
    if measure.unit is Unit.SHARE:
        points = f"{abs(float(number)) * 100:.1f}"
        return f"{sign if float(points) else '±'}{points} points"
    return f"{sign}{shown(measure, abs(number), currency)}"


def changed(measure: Measure, before: Value, after: Value) -> str:
    """The change in percent of what it was, a share's in points: `+8.1 %`; a dash where nothing can be compared."""
    if measure.unit is Unit.SHARE:
        return NOTHING if before is None or after is None else difference(measure, after - before)
    grown = change(before, after)
    if grown is None:
        return NOTHING
    if abs(grown) < EVEN:
        return f"±0{NARROW}%"
    percent = float(grown) * 100
    return f"{'+' if grown > 0 else MINUS}{abs(percent):,.{0 if abs(percent) >= 1000 else 1}f}{NARROW}%"


def tone(measure: Measure, before: Value, after: Value) -> str:
    """Whether a change is `good`, `bad` or `even` news."""
    if before is None or after is None or measure.good is Good.NEITHER:
        return "even"
    if abs(after - before) <= EVEN * max(abs(before), abs(after)):
        return "even"
    return "good" if (after > before) == (measure.good is Good.UP) else "bad"


def direction(before: Value, after: Value) -> str:
    """`up`, `down` or `even`."""
    if before is None or after is None or abs(after - before) <= EVEN * max(abs(before), abs(after)):
        return "even"
    return "up" if after > before else "down"


def duration(span: timedelta) -> str:
    """A time in its two largest units: `45 s`, `3 min 12 s`, `1 h 03 min`, `2 d 04 h`."""
    seconds = int(abs(span).total_seconds())
    sign = MINUS if span < timedelta(0) and seconds else ""
    if seconds < 60:
        return f"{sign}{seconds}{NARROW}s"
    for size, unit, small_size, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            large, rest = divmod(seconds, size)
            return f"{sign}{large:,}{NARROW}{unit} {rest // small_size:02d}{NARROW}{small_unit}"
    raise AssertionError(seconds)


def minutes(span: timedelta) -> str:
    """A time in whole minutes, rounded down: `4 min`, `1 h 03 min`; below one, in seconds."""
    if span < timedelta(minutes=1):
        return duration(span)
    if span < timedelta(hours=1):
        return f"{int(span.total_seconds()) // 60}{NARROW}min"
    return duration(span)


def _signed(number: float, places: int) -> str:
    text = f"{abs(number):,.{places}f}"
    return f"{MINUS}{text}" if number < 0 and float(text.replace(",", "")) else text
