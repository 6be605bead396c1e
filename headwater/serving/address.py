"""Addresses of rows: from the text that a caller writes to a value, and from values to bytes that sort as they do.

The bytes of one part tell where it ends, whatever stands in it: no text of one part can reach into the next, and the
rows below some leading parts are exactly those whose bytes begin with the bytes of these parts.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from headwater.model import Column
from headwater.sqltype import SqlType

MAX_BYTES = 400
"""Of an encoded address. LMDB takes keys of 511 bytes, of which the product's name and a number are a part."""

_INTEGERS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_TEXTS = ("STRING", "CHAR", "VARCHAR")
_TIMES = ("TIMESTAMP", "TIMESTAMP_LTZ")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,38})\Z", re.ASCII)
_FRACTION = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?\Z", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?\Z"
)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def why_not_addressable(sql_type: SqlType) -> str:
    """Why values of this type cannot be a part of an address, or ""."""
    if sql_type.root in _TIMES and sql_type.precision > 6:
        return f"{sql_type} is finer than microseconds"
    known = (*_INTEGERS, *_TEXTS, *_TIMES, "BOOLEAN", "DECIMAL", "DATE")
    return "" if sql_type.root in known else f"{sql_type} is no text, whole number, decimal, boolean, date or time"


def parse(text: str, sql_type: SqlType) -> Any:
    """The value that a caller wrote. Raises ValueError, with what is expected, for anything else.

    Each value has few spellings: `7` and not `+7` or `007`, `true` and not `True`.
    """
    return _PARSERS[sql_type.root](text, sql_type)


def part(value: object, sql_type: SqlType) -> Any:
    """As `parse`, of a part of an address in JSON, where numbers and booleans may be written as such."""
    if isinstance(value, bool) and sql_type.root == "BOOLEAN":
        return value
    if isinstance(value, int) and not isinstance(value, bool) and sql_type.root in _INTEGERS:
        return parse(str(value), sql_type)
    if isinstance(value, str):
        return parse(value, sql_type)
    raise ValueError(f"{_shown(value)} is not {_expected(sql_type)}")


def encode(values: Iterable[Any], columns: Sequence[Column]) -> bytes:
    """The bytes of the leading parts of an address, or of a whole one. They sort as the values do, part by part."""
    return b"".join(_ENCODERS[column.type.root](value) for value, column in zip(values, columns, strict=False))


def _text(text: str, sql_type: SqlType) -> str:
    longest = sql_type.arguments[0] if sql_type.arguments else None
    if longest is not None and len(text) > longest:
        raise ValueError(f"{_shown(text)} is longer than {sql_type}")
    return text


def _integer(text: str, sql_type: SqlType) -> int:
    bits = _INTEGERS[sql_type.root]
    if not _WHOLE.match(text) or not -(1 << bits - 1) <= int(text) < 1 << bits - 1:
        raise ValueError(f"{_shown(text)} is not {_expected(sql_type)}")
    return int(text)


def _boolean(text: str, sql_type: SqlType) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{_shown(text)} is not {_expected(sql_type)}")
    return text == "true"


def _decimal(text: str, sql_type: SqlType) -> Decimal:
    value = Decimal(text) if _FRACTION.match(text) else None
    if value is None or len(text.partition(".")[2]) > sql_type.scale:
        raise ValueError(f"{_shown(text)} is not {_expected(sql_type)}")
    if abs(value) >= 10 ** (sql_type.precision - sql_type.scale):
        raise ValueError(f"{_shown(text)} is not {_expected(sql_type)}")
    return value


def _date(text: str, sql_type: SqlType) -> date:
    try:
        if _DATE.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{_shown(text)} is not {_expected(sql_type)}")


def _time(text: str, sql_type: SqlType) -> datetime:
    try:
        found = datetime.fromisoformat(text) if _INSTANT.match(text) else None
        if found is not None and (found.tzinfo is not None) == (sql_type.root == "TIMESTAMP_LTZ"):
            return found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{_shown(text)} is not {_expected(sql_type)}")


_PARSERS: Mapping[str, Callable[[str, SqlType], Any]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(_TIMES, _time),
    "BOOLEAN": _boolean,
    "DECIMAL": _decimal,
    "DATE": _date,
}


def _encoded_text(value: str) -> bytes:
    # Behind a zero byte of the text comes 255, behind the one that ends it 1: an end is never taken for a text.
    return value.encode().replace(b"\0", b"\0\xff") + b"\0\1"


def _encoded_integer(value: int) -> bytes:
    return (value + (1 << 63)).to_bytes(8, "big")


def _encoded_decimal(value: Decimal) -> bytes:
    # 38 digits on either side of the point, in whole numbers: Decimal's own arithmetic rounds to 28.
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    unscaled = int("".join(map(str, digits))) * 10 ** (38 + exponent)
    return ((-unscaled if sign else unscaled) + (1 << 255)).to_bytes(32, "big")


def _encoded_date(value: date) -> bytes:
    return value.toordinal().to_bytes(4, "big")


def _encoded_time(value: datetime) -> bytes:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return _encoded_integer((aware - _EPOCH) // _MICROSECOND)


_ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    **dict.fromkeys(_INTEGERS, _encoded_integer),
    **dict.fromkeys(_TEXTS, _encoded_text),
    **dict.fromkeys(_TIMES, _encoded_time),
    "BOOLEAN": lambda value: b"\1" if value else b"\0",
    "DECIMAL": _encoded_decimal,
    "DATE": _encoded_date,
}


def _expected(sql_type: SqlType) -> str:
    if sql_type.root in _INTEGERS:
        bits = _INTEGERS[sql_type.root]
        return f"a whole number from {-(1 << bits - 1)} to {(1 << bits - 1) - 1}"
    if sql_type.root == "DECIMAL":
        return f"a number of {sql_type.precision} digits, {sql_type.scale} of them after the point"
    words = {
        "BOOLEAN": "true or false",
        "DATE": "a date such as 2026-11-22",
        "TIMESTAMP": "a time without a zone such as 2026-11-22T08:00:00",
        "TIMESTAMP_LTZ": "an instant such as 2026-11-22T08:00:00Z",
    }
    return words.get(sql_type.root, "a text")


def _shown(value: object) -> str:
    text = str(value)
    return f"«{text[:40]}…»" if len(text) > 40 else f"«{text}»"
