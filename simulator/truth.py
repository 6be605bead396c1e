"""What must come of the stream, from what happened and not from what was sent: no SQL, no records, no sequence.

Every row is a plain mapping with the columns of its table: instants as ISO-8601 with Z, days as `2026-11-22`,
decimals as strings with two places, so that the whole can be written as JSON and compared without loss.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from simulator.instant import MINUTE, SECOND, iso, local_day, minute_of, utc_day
from simulator.lifecycle import Dispatch, DriverEvent, Order, OrderState, Price, redemptions
from simulator.record import DRIVER_STATUS, TOPICS, Record, Sort, decimal
from simulator.serving import Coupons, Risk
from simulator.stream import Happened
from simulator.tally import Sent, Tally

UNPRICED = "unpriced"
WINDOW = 5 * MINUTE
LATENESS = 20 * SECOND

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Where a malformed record lies, once the broker has said so, and why it must be rejected."""

    topic: str
    partition: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class Truth:
    """The rows that each table must hold once everything sent has been processed.

    Args:
        orders: `dwd.orders`.
        driver_status: `dwd.driver_status`, the forgotten events among them.
        kpi_minute: `dm.kpi_minute`; a measure that nothing contributed to is 0 (`revenue` "0.00").
        driver_activity: `dm.driver_activity` without forgotten events. `late` says how many of those fall into the
            window: such a window may hold anything between with and without them, and may exist only because of
            them (then `events` is 0). `closed` is False while no event has moved the watermark past the window's end.
        daily_orders: `rpt.daily_orders`, all its partitions.
        coupon_redemption: `dwd.coupon_redemption`; so are the following named after their tables in `dm`.
        sent: What went over the wire.
        out_of_order: By topic, good records that came after a newer one of the same key.
        rejected: Where each malformed record lies; empty when nothing was sent to a broker.
    """

    orders: tuple[Row, ...]
    driver_status: tuple[Row, ...]
    kpi_minute: tuple[Row, ...]
    driver_activity: tuple[Row, ...]
    daily_orders: tuple[Row, ...]
    coupon_redemption: tuple[Row, ...]
    coupon_budget: tuple[Row, ...]
    coupon_user: tuple[Row, ...]
    user_risk: tuple[Row, ...]
    driver_risk: tuple[Row, ...]
    sent: Sent
    out_of_order: Mapping[str, int]
    rejected: tuple[Rejection, ...] = ()

    def summary(self) -> Row:
        """Everything but the rows of the detail tables, of which it gives counts."""
        return {
            "dwd.orders": {"rows": len(self.orders), "by_market": _by_market(self.orders)},
            "dwd.driver_status": {"rows": len(self.driver_status), "by_market": _by_market(self.driver_status)},
            "dwd.coupon_redemption": {
                "rows": len(self.coupon_redemption),
                "by_market": _by_market(self.coupon_redemption),
            },
            "dm.coupon_budget": self.coupon_budget,
            "dm.kpi_minute": self.kpi_minute,
            "dm.driver_activity": self.driver_activity,
            "rpt.daily_orders": self.daily_orders,
            "ods.rejected": {
                "rows": sum(sum(reasons.values()) for reasons in self.sent.malformed.values()),
                "by_topic": self.sent.malformed,
                "places": self.rejected,
            },
            "sent": {
                "records": self.sent.records,
                "repeated": self.sent.repeated,
                "late": self.sent.late,
                "out_of_order": self.out_of_order,
            },
        }

    def write(self, file: Path) -> None:
        """Write the summary, and beside it the detail rows as JSON lines: `<stem>.dwd.orders.jsonl` and so on."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(self.summary(), option=orjson.OPT_INDENT_2))
        for table, rows in (("dwd.orders", self.orders), ("dwd.driver_status", self.driver_status)):
            with detail_file(file, table).open("wb") as lines:
                lines.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def detail_file(truth: Path, table: str) -> Path:
    """Where `Truth.write` puts the rows of a detail table."""
    return truth.with_name(f"{truth.stem}.{table}.jsonl")


@dataclass(slots=True)
class Bookkeeper:
    """Watches a stream being made and sent, and knows the truth at the end.

    Args:
        until: What happens at or after this instant is not sent, and so not true yet.
    """

    until: int
    _orders: list[Row] = field(default_factory=list)
    _events: list[Row] = field(default_factory=list)
    _minutes: dict[tuple[str, int, str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _days: dict[tuple[str, str, str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _windows: dict[tuple[str, int, str], "_Window"] = field(default_factory=lambda: defaultdict(_Window))
    _coupons: Coupons = field(default_factory=Coupons)
    _users: Risk = field(default_factory=lambda: Risk("user_id", "orders"))
    _drivers: Risk = field(default_factory=lambda: Risk("driver_id", "taken"))
    _tally: Tally = field(default_factory=Tally)
    _out_of_order: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(TOPICS, 0)))
    _newest: dict[tuple[str, bytes], int] = field(default_factory=dict)
    _newest_event: int = 0

    def witness(self, happened: Happened) -> None:
        """What a market did in a minute."""
        for order in happened.orders:
            self._order(order)
        for event in happened.events:
            self._event(event, forgotten=False)
        for event in happened.forgotten:
            self._event(event, forgotten=True)

    def saw(self, record: Record) -> None:
        """A record was sent."""
        self._tally.count(record)
        if record.sort in (Sort.MALFORMED, Sort.REPEATED):
            return
        key = (record.topic, record.key)
        if record.event_time < self._newest.get(key, 0):
            self._out_of_order[record.topic] += 1
        else:
            self._newest[key] = record.event_time
        if record.topic == DRIVER_STATUS:
            self._newest_event = max(self._newest_event, record.event_time)

    def truth(self, rejected: Iterable[Rejection] = ()) -> Truth:
        """All of it, rows in order of their keys."""
        watermark = self._newest_event - LATENESS
        return Truth(
            orders=tuple(self._orders),
            driver_status=tuple(self._events),
            kpi_minute=tuple(_minute_row(*each) for each in sorted(self._minutes.items())),
            driver_activity=tuple(_window_row(*each, watermark) for each in sorted(self._windows.items())),
            daily_orders=tuple(_day_row(*each) for each in sorted(self._days.items())),
            coupon_redemption=self._coupons.events(),
            coupon_budget=self._coupons.budgets(),
            coupon_user=self._coupons.users(),
            user_risk=self._users.rows(),
            driver_risk=self._drivers.rows(),
            sent=self._tally.sent(),
            out_of_order=dict(self._out_of_order),
            rejected=tuple(rejected),
        )

    def _order(self, order: Order) -> None:
        if order.created_at >= self.until:
            return
        market, vehicle = order.trade.market.code, order.vehicle_type
        state = [each for each in order.states if each.updated_at < self.until][-1]
        prices = [each for each in order.prices if each.priced_at < self.until]
        price = prices[-1] if prices else None
        dispatches = [each for each in order.dispatches if each.dispatched_at < self.until]
        dispatch = dispatches[-1] if dispatches else None
        self._orders.append(_order_row(order, state, price, dispatch))
        self._served(order, state, dispatch)

        category = UNPRICED if price is None else price.category

        def measures(instant: int) -> tuple[Counter[str], Counter[str]]:
            local = local_day(instant, order.trade.market.zone)
            return (
                self._minutes[market, minute_of(instant), category, vehicle],
                self._days[market, local, category, vehicle],
            )

        for row in measures(order.created_at):
            row["created"] += 1
        if dispatch is not None:
            for row in measures(dispatch.matched_at):
                row["matched"] += 1
                row["waiting_seconds"] += (dispatch.matched_at - order.created_at) // SECOND
        if state.completed_at is not None:
            for row in measures(state.completed_at):
                row["completed"] += 1
                row["revenue"] += 0 if price is None else price.price
        if state.cancelled_at is not None:
            for row in measures(state.cancelled_at):
                row["cancelled"] += 1

    def _served(self, order: Order, state: OrderState, dispatch: Dispatch | None) -> None:
        market, cancelled = order.trade.market.code, state.cancelled_at is not None
        for redemption in redemptions(order):
            if redemption.occurred_at < self.until:
                self._coupons.add(redemption)
        elsewhere = order.user_area != order.area
        self._users.add(market, order.user_id, order.created_at, cancelled=cancelled, mismatched=elsewhere)
        if dispatch is not None:
            elsewhere = dispatch.driver_area != order.area
            self._drivers.add(
                market, dispatch.driver_id, dispatch.matched_at, cancelled=cancelled, mismatched=elsewhere
            )

    def _event(self, event: DriverEvent, *, forgotten: bool) -> None:
        if event.occurred_at >= self.until:
            return
        self._events.append(_event_row(event))
        window = self._windows[event.market, event.occurred_at - event.occurred_at % WINDOW, event.status]
        if forgotten:
            window.late += 1
        else:
            window.events += 1
            window.drivers.add(event.driver_id)


@dataclass(slots=True)
class _Window:
    events: int = 0
    drivers: set[int] = field(default_factory=set)
    late: int = 0


def _by_market(rows: Iterable[Row]) -> dict[str, int]:
    return dict(sorted(Counter(row["market"] for row in rows).items()))


def _optional(instant: int | None) -> str | None:
    return None if instant is None else iso(instant)


def _order_row(order: Order, state: OrderState, price: Price | None, dispatch: Dispatch | None) -> Row:
    return {
        "market": order.trade.market.code,
        "order_day": utc_day(order.created_at),
        "order_id": order.order_id,
        "user_id": order.user_id,
        "city": order.city,
        "area": order.area,
        "user_area": order.user_area,
        "vehicle_type": order.vehicle_type,
        "status": state.status,
        "created_at": iso(order.created_at),
        "completed_at": _optional(state.completed_at),
        "cancelled_at": _optional(state.cancelled_at),
        "updated_at": iso(state.updated_at),
        "price": None if price is None else decimal(price.price),
        "currency": None if price is None else order.trade.market.currency,
        "price_category": None if price is None else price.category,
        "coupon_id": None if price is None else price.coupon_id,
        "priced_at": None if price is None else iso(price.priced_at),
        "driver_id": None if dispatch is None else dispatch.driver_id,
        "driver_area": None if dispatch is None else dispatch.driver_area,
        "matched_at": None if dispatch is None else iso(dispatch.matched_at),
        "dispatched_at": None if dispatch is None else iso(dispatch.dispatched_at),
    }


def _event_row(event: DriverEvent) -> Row:
    return {
        "market": event.market,
        "event_day": utc_day(event.occurred_at),
        "event_id": event.event_id,
        "driver_id": event.driver_id,
        "city": event.city,
        "area": event.area,
        "status": event.status,
        "vehicle_type": event.vehicle_type,
        "occurred_at": iso(event.occurred_at),
    }


def _minute_row(key: tuple[str, int, str, str], measures: Counter[str]) -> Row:
    market, minute, category, vehicle = key
    return {
        "minute_day": utc_day(minute),
        "market": market,
        "minute_at": iso(minute),
        "price_category": category,
        "vehicle_type": vehicle,
        "created": measures["created"],
        "matched": measures["matched"],
        "completed": measures["completed"],
        "cancelled": measures["cancelled"],
        "revenue": decimal(measures["revenue"]),
        "waiting_seconds": measures["waiting_seconds"],
    }


def _window_row(key: tuple[str, int, str], window: _Window, watermark: int) -> Row:
    market, start, status = key
    return {
        "market": market,
        "window_start": iso(start),
        "window_end": iso(start + WINDOW),
        "status": status,
        "events": window.events,
        "drivers": len(window.drivers),
        "late": window.late,
        "closed": watermark >= start + WINDOW - 1,
    }


def _day_row(key: tuple[str, str, str, str], measures: Counter[str]) -> Row:
    market, local, category, vehicle = key
    return {
        "market": market,
        "local_date": local,
        "price_category": category,
        "vehicle_type": vehicle,
        "created": measures["created"],
        "matched": measures["matched"],
        "completed": measures["completed"],
        "cancelled": measures["cancelled"],
        "revenue": decimal(measures["revenue"]),
        "average_wait_seconds": measures["waiting_seconds"] / measures["matched"] if measures["matched"] else None,
    }
