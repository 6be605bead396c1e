"""What the topics of the corpus hold: four bursts, two before the edit and two after it.

The second burst of each half brings rows that are late by the watermark which the first one left.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Burst = Mapping[str, tuple[bytes, ...]]
"""Records by the topic's name in the corpus."""

_START = datetime(2026, 11, 24, 12, tzinfo=UTC)
_END = _START + timedelta(hours=2)
_HALF = 60
_KEYS = "abcde"
_EARLY, _SETTLED, _OUTRUN, _LATE = "f", "h", "j", "g"
"""Keys that come before the edit and once after it, before it only, before it and late after it, and after it only."""


def before_the_edit() -> tuple[Burst, Burst]:
    """Left rows 0 to 59, right rows for every second of them and for some that come later; changes of some rows.

    Late left rows, then rows of a window that stays open; partners of the last left rows.
    """
    changes = [_change("c", None, _row(i, i)) for i in range(12)]
    changes += [_change("u", _row(3, 3), _row(3, 30)), _change("c", None, _row(20, 1, "y"))]
    late = [_left(200 + i, _START + timedelta(seconds=50 + i)) for i in range(3)]
    return (
        {
            "left": _written(_left(i, _at(i)) for i in range(_HALF)),
            "right": _written(_right(i, _at(i)) for i in range(0, 40, 2)),
            "changes": _written(changes),
        },
        {
            "left": _written([*late, _left(252, _at(_HALF + 6)), _left(253, _at(_HALF + 6))]),
            "right": _written(_right(i, _at(min(i, _HALF - 1))) for i in [*range(40, _HALF, 2), 60, 62, 63]),
        },
    )


def after_the_edit() -> tuple[Burst, Burst]:
    """Left rows 60 to 119, partners of earlier rows, changes and deletes of earlier rows; then a row that ends time."""
    right = [*range(31, _HALF, 2), *range(64, 2 * _HALF, 2)]
    changes = [_change("u", _row(i, i), _row(i, i + 20, _KEYS[(i + 1) % 3])) for i in range(4, 8)] + [
        _change("d", _row(8, 8), None),
        _change("u", _row(3, 30), _row(3, 2)),
        _change("c", None, _row(50, 9)),
    ]
    ends = {"id": 9999, "k": "z", "v": 3, "w": 30, "label": "end"}
    return (
        {
            "left": _written(_left(i, _at(i)) for i in range(_HALF, 2 * _HALF)),
            "right": _written(_right(i, _at(max(i, _HALF))) for i in right),
            "changes": _written(changes),
        },
        {
            "left": _written(
                [
                    *(_left(300 + i, _START + timedelta(seconds=170 + i)) for i in range(3)),
                    _left(310, _START + timedelta(seconds=70)) | {"k": "a", "v": 1},
                    _left(312, _at(2 * _HALF)) | {"k": _EARLY, "v": 9, "w": 90},
                    _left(313, _START + timedelta(seconds=95)) | {"k": _OUTRUN, "sent": _text(_at(_HALF))},
                    _left(311, _START + timedelta(seconds=10)) | {"k": _OUTRUN, "v": 1},
                    ends | {"ts": _text(_END), "sent": _text(_END)},
                ]
            ),
            "right": _written([{"id": 9998, "k": "z", "v": 3, "price": 7.5, "ts": _text(_END)}]),
        },
    )


def _left(number: int, at: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "k": _key(number),
        "v": number * 7 % 9,
        "w": number * 3 % 41,
        "label": None if number % 4 == 0 else f"l{number % 3}",
        "ts": _text(at),
        # Every other five rows are sent sooner, so that the order is another one.
        "sent": _text(at + timedelta(seconds=25 - 12 * (number // 5 % 2))),
    }


def _right(number: int, at: datetime) -> dict[str, Any]:
    key = "e" if number % 6 == 0 else _key(number).replace("b", "c")
    return {"id": number, "k": key, "v": number * 5 % 9, "price": number * 5 % 13 + 0.5, "ts": _text(at)}


def _key(number: int) -> str:
    if number % 7 == 3:
        return _EARLY if number < _HALF else _LATE
    if number % 11 == 5 and number < _HALF:
        return _SETTLED
    if number % 13 == 6 and number < _HALF:
        return _OUTRUN
    return _KEYS[number % 5]


def _row(number: int, value: int, key: str = "") -> dict[str, Any]:
    return {"id": number, "k": key or _KEYS[number % 3], "v": value, "ts": _text(_at(number))}


def _change(operation: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    return {"before": before, "after": after, "op": operation}


def _at(number: int) -> datetime:
    return _START + timedelta(seconds=2 * number)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _written(records: Iterable[dict[str, Any]]) -> tuple[bytes, ...]:
    return tuple(json.dumps(record).encode() for record in records)
