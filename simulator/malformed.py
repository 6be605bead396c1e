"""Records that a careless upstream sends. Each is made from a good one, is newer than it, and says something else:
let through, it would overwrite a good value, so a test that compares rows sees it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import orjson

from simulator.record import DISPATCH, DRIVER_STATUS, ORDERS, PRICING, REDEMPTION, REQUEST, Change, Payload


@dataclass(frozen=True, slots=True)
class Flaw:
    """One way to be malformed: `spoil` makes the value to send from a good payload, which it leaves as it is."""

    reason: str
    spoil: Callable[[Payload], bytes]


def _truncated(payload: Payload) -> bytes:
    return orjson.dumps(payload)[:-9]


def _error_page(_: Payload) -> bytes:
    return b"<html><body>502 Bad Gateway</body></html>"


def _not_utf8(_: Payload) -> bytes:
    return b'\xff\xfe{\x00"\x00a\x00'


def _list(payload: Payload) -> bytes:
    return orjson.dumps([payload])


def _text(_: Payload) -> bytes:
    return b'"no such order"'


def _other_object(_: Payload) -> bytes:
    return b'{"hello":"world"}'


def _no_row(payload: Payload) -> bytes:
    return orjson.dumps({**payload, "after": None})


def _with(column: str, value: str | None) -> Callable[[Payload], bytes]:
    def spoil(payload: Payload) -> bytes:
        if "op" in payload:
            return orjson.dumps({**payload, "after": {**payload["after"], column: value}})
        return orjson.dumps({**payload, column: value})

    return spoil


def _without(column: str) -> Callable[[Payload], bytes]:
    def spoil(payload: Payload) -> bytes:
        row = payload["after"] if "op" in payload else payload
        kept = {name: value for name, value in row.items() if name != column}
        return orjson.dumps({**payload, "after": kept} if "op" in payload else kept)

    return spoil


_UNREADABLE = (
    Flaw("not_json", _truncated),
    Flaw("not_json", _error_page),
    Flaw("not_json", _not_utf8),
    Flaw("not_json", _list),
    Flaw("not_json", _text),
)

FLAWS: dict[str, tuple[Flaw, ...]] = {
    ORDERS: (
        *_UNREADABLE,
        Flaw("wrong_shape", _other_object),
        Flaw("wrong_shape", _no_row),
        Flaw("missing:market", _without("market")),
        Flaw("missing:status", _with("status", None)),
        Flaw("missing:updated_at", _without("updated_at")),
        Flaw("type:order_id", _with("order_id", "A-17")),
        Flaw("type:created_at", _with("created_at", "yesterday")),
        Flaw("type:order_day", _with("order_day", "22/11/2026")),
    ),
    PRICING: (
        *_UNREADABLE,
        Flaw("wrong_shape", _other_object),
        Flaw("wrong_shape", _no_row),
        Flaw("missing:price", _without("price")),
        Flaw("missing:price_category", _with("price_category", None)),
        Flaw("type:price", _with("price", "abc")),
        Flaw("type:priced_at", _with("priced_at", "soon")),
    ),
    DISPATCH: (
        *_UNREADABLE,
        Flaw("wrong_shape", _other_object),
        Flaw("wrong_shape", _no_row),
        Flaw("missing:driver_id", _with("driver_id", None)),
        Flaw("missing:matched_at", _without("matched_at")),
        Flaw("type:driver_id", _with("driver_id", "Wong")),
        Flaw("type:dispatched_at", _with("dispatched_at", "13:05")),
    ),
    DRIVER_STATUS: (
        *_UNREADABLE,
        Flaw("missing:event_id", _other_object),
        Flaw("missing:event_id", _without("event_id")),
        Flaw("missing:market", _with("market", None)),
        Flaw("type:driver_id", _with("driver_id", "me")),
        Flaw("type:occurred_at", _with("occurred_at", "just now")),
    ),
    REQUEST: (
        *_UNREADABLE,
        Flaw("missing:event_id", _other_object),
        Flaw("missing:area", _without("area")),
        Flaw("type:requested_at", _with("requested_at", "now")),
    ),
    REDEMPTION: (
        *_UNREADABLE,
        Flaw("missing:event_id", _other_object),
        Flaw("missing:campaign", _with("campaign", None)),
        Flaw("missing:amount", _without("amount")),
        Flaw("type:amount", _with("amount", "ten")),
    ),
}

_NEWER = {
    ORDERS: ("updated_at", {"city": "Nowhere"}),
    PRICING: ("priced_at", {"coupon_id": 999}),
    DISPATCH: ("dispatched_at", {}),
    DRIVER_STATUS: ("occurred_at", {"city": "Nowhere"}),
    REQUEST: ("requested_at", {"user_id": 0}),
    REDEMPTION: ("occurred_at", {"user_id": 0}),
}


def spoil(random: Random, change: Change, newer: str) -> tuple[bytes, str]:
    """A malformed value made from a good change that has a row, and the reason to reject it.

    Args:
        newer: The event time that it claims, an ISO instant after the good one's.
    """
    flaws = FLAWS[change.topic]
    flaw = flaws[int(random.random() * len(flaws))]
    column, wrong = _NEWER[change.topic]
    if "op" in change.payload:
        payload = {**change.payload, "after": {**change.payload["after"], column: newer, **wrong}}
    else:
        payload = {**change.payload, column: newer, **wrong}
    return flaw.spoil(payload), flaw.reason
