"""What goes onto a topic: the facts as Debezium JSON envelopes and plain JSON, and the records around them.

Envelope: https://debezium.io/documentation/reference/stable/connectors/mysql.html#mysql-events
Times are ISO-8601 with Z, decimals are strings, as Debezium's `decimal.handling.mode=string` gives them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headwater.model import TopicFormat
from simulator.instant import iso, utc_day
from simulator.lifecycle import Dispatch, DriverEvent, Order, OrderState, Price, Redemption, Request

ORDERS = "ods.orders"
PRICING = "ods.order_pricing"
DISPATCH = "ods.order_dispatch"
DRIVER_STATUS = "ods.driver_status"
REQUEST = "ods.order_request"
REDEMPTION = "ods.coupon_redemption"
EVENTS = frozenset({DRIVER_STATUS, REQUEST, REDEMPTION})
"""Topics whose records only ever get added; the others hold changes of rows."""
FORMATS = {
    ORDERS: TopicFormat.DEBEZIUM_JSON,
    PRICING: TopicFormat.DEBEZIUM_JSON,
    DISPATCH: TopicFormat.DEBEZIUM_JSON,
    DRIVER_STATUS: TopicFormat.JSON,
    REQUEST: TopicFormat.JSON,
    REDEMPTION: TopicFormat.JSON,
}
TOPICS: tuple[str, ...] = tuple(FORMATS)

Payload = dict[str, Any]


class Sort(StrEnum):
    """What a record is, among the disorder."""

    GOOD = "good"
    LATE = "late"  # a good one, held back far beyond the lateness that its source declares
    REPEATED = "repeated"  # sent before, byte for byte
    MALFORMED = "malformed"  # extra, and never the only carrier of a value


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is sent.

    Args:
        topic: Where it goes.
        key: The message key.
        value: The message value.
        event_time: The instant that its event-time column names; a malformed record has that of its original.
        sent_at: The instant at which a live upstream would have sent it.
        sort: What it is, among the disorder.
        reason: Why a malformed one must be rejected, in the words of `ods.rejected`: `not_json` (no JSON object),
            `wrong_shape` (no change event), `missing:<column>` or `type:<column>`.
    """

    topic: str
    key: bytes
    value: bytes
    event_time: int
    sent_at: int
    sort: Sort = Sort.GOOD
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A good record's content before it is made into bytes. `sequence` orders the changes of one key in one topic."""

    topic: str
    key: int
    sequence: int
    payload: Payload


def order_changes(order: Order) -> list[Change]:
    """Every change of the order's row, oldest first: created, updated, and perhaps deleted."""
    rows = [_order_row(order, state) for state in order.states]
    times = [state.updated_at for state in order.states]
    changes = _history(ORDERS, order.order_id, rows, times)
    if order.purged_at is not None:
        deleted = _envelope("orders", "d", rows[-1], None, order.purged_at)
        changes.append(Change(ORDERS, order.order_id, order.purged_at, deleted))
    return changes


def pricing_changes(order: Order) -> list[Change]:
    """Every change of the order's price, oldest first."""
    rows = [_price_row(order, price) for price in order.prices]
    return _history(PRICING, order.order_id, rows, [price.priced_at for price in order.prices])


def dispatch_changes(order: Order) -> list[Change]:
    """Every change of the order's dispatch, oldest first."""
    rows = [_dispatch_row(order, dispatch) for dispatch in order.dispatches]
    return _history(DISPATCH, order.order_id, rows, [dispatch.dispatched_at for dispatch in order.dispatches])


def driver_change(event: DriverEvent) -> Change:
    """A driver's event, as the app sends it."""
    payload = {
        "event_id": event.event_id,
        "driver_id": event.driver_id,
        "market": event.market,
        "city": event.city,
        "area": event.area,
        "status": event.status,
        "vehicle_type": event.vehicle_type,
        "occurred_at": iso(event.occurred_at),
    }
    return Change(DRIVER_STATUS, event.driver_id, event.occurred_at, payload)


def request_change(request: Request) -> Change:
    """A request, as the user's app sends it."""
    payload = {
        "event_id": request.event_id,
        "user_id": request.user_id,
        "market": request.market,
        "area": request.area,
        "vehicle_type": request.vehicle_type,
        "requested_at": iso(request.requested_at),
    }
    return Change(REQUEST, request.user_id, request.requested_at, payload)


def redemption_change(redemption: Redemption) -> Change:
    """A coupon's event, as the user's app sends it."""
    payload = {
        "event_id": redemption.event_id,
        "market": redemption.market,
        "campaign": redemption.campaign,
        "coupon_id": redemption.coupon_id,
        "user_id": redemption.user_id,
        "order_id": redemption.order_id,
        "action": redemption.action,
        "amount": decimal(redemption.amount),
        "occurred_at": iso(redemption.occurred_at),
    }
    return Change(REDEMPTION, redemption.user_id, redemption.occurred_at, payload)


def decimal(hundredths: int) -> str:
    """`12.34`"""
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _history(topic: str, key: int, rows: list[Payload], times: list[int]) -> list[Change]:
    table = topic.partition(".")[2]
    changes: list[Change] = []
    before = None
    for row, time in zip(rows, times, strict=True):
        changes.append(Change(topic, key, time, _envelope(table, "c" if before is None else "u", before, row, time)))
        before = row
    return changes


def _envelope(table: str, op: str, before: Payload | None, after: Payload | None, time: int) -> Payload:
    return {
        "before": before,
        "after": after,
        "source": {"connector": "mysql", "name": "upstream", "db": "delivery", "table": table, "ts_ms": time},
        "op": op,
        "ts_ms": time + 3,
    }


def _order_row(order: Order, state: OrderState) -> Payload:
    return {
        "order_id": order.order_id,
        "market": order.trade.market.code,
        "order_day": utc_day(order.created_at),
        "user_id": order.user_id,
        "city": order.city,
        "area": order.area,
        "user_area": order.user_area,
        "vehicle_type": order.vehicle_type,
        "status": state.status,
        "created_at": iso(order.created_at),
        "completed_at": None if state.completed_at is None else iso(state.completed_at),
        "cancelled_at": None if state.cancelled_at is None else iso(state.cancelled_at),
        "updated_at": iso(state.updated_at),
    }


def _price_row(order: Order, price: Price) -> Payload:
    return {
        "order_id": order.order_id,
        "market": order.trade.market.code,
        "order_day": utc_day(order.created_at),
        "created_at": iso(order.created_at),
        "price": decimal(price.price),
        "currency": order.trade.market.currency,
        "price_category": price.category,
        "coupon_id": price.coupon_id,
        "priced_at": iso(price.priced_at),
    }


def _dispatch_row(order: Order, dispatch: Dispatch) -> Payload:
    return {
        "order_id": order.order_id,
        "market": order.trade.market.code,
        "order_day": utc_day(order.created_at),
        "created_at": iso(order.created_at),
        "driver_id": dispatch.driver_id,
        "driver_area": dispatch.driver_area,
        "matched_at": iso(dispatch.matched_at),
        "dispatched_at": iso(dispatch.dispatched_at),
    }
