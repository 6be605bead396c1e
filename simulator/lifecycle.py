"""What happens to an order and to the drivers: drawn once, from seed, market and minute, and never changed."""

import math
from dataclasses import dataclass
from random import Random

from simulator.instant import MINUTE, SECOND
from simulator.markets import Trade

# No record of an order, however late or repeated, comes longer than this after the minute it was placed in.
HORIZON_MINUTES = 110

VEHICLES = ("motorcycle", "car", "van", "truck")
CATEGORIES = ("saver", "regular", "priority")

# Ids count minutes from 2020, so that run, minute, market and number all fit in 63 bits.
FIRST_MINUTE = 26_297_280
_MARKETS, _CELL, _RUN = 64, 1_000_000, 10**15


@dataclass(frozen=True, slots=True)
class OrderState:
    """One state of the order's row upstream. Instants; None until it happens."""

    status: str
    updated_at: int
    completed_at: int | None = None
    cancelled_at: int | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """One state of the pricing row. `price` in hundredths of the currency."""

    price: int
    category: str
    coupon_id: int | None
    priced_at: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One state of the dispatch row. A reassignment is a new match: both times move."""

    driver_id: int
    matched_at: int
    dispatched_at: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order and everything that ever becomes of it. Each history is in order of its sequence, without ties.

    Args:
        purged_at: When upstream deletes the finished order's row, or None.
    """

    order_id: int
    trade: Trade
    user_id: int
    city: str
    vehicle_type: str
    created_at: int
    states: tuple[OrderState, ...]
    prices: tuple[Price, ...]
    dispatches: tuple[Dispatch, ...]
    purged_at: int | None


@dataclass(frozen=True, slots=True)
class DriverEvent:
    """A driver's app says what the driver does now."""

    event_id: int
    driver_id: int
    market: str
    city: str
    status: str
    vehicle_type: str
    occurred_at: int


def first_id(run: int, trade: Trade, minute: int) -> int:
    """The first of a million ids that belong to this run, market and minute alone."""
    return run * _RUN + ((minute - FIRST_MINUTE) * _MARKETS + trade.number) * _CELL


def place_order(random: Random, trade: Trade, minute: int, order_id: int) -> Order:
    """Draw one order of that minute and its whole life."""
    draw = random.random
    created_at = minute * MINUTE + int(draw() * MINUTE)
    city = int(draw() * len(trade.cities))
    vehicle = min(int(draw() * draw() * 5), len(VEHICLES) - 1)
    states, dispatches, finished_at = _fate(random, trade, created_at, city)
    return Order(
        order_id=order_id,
        trade=trade,
        user_id=trade.number * 10_000_000 + int(draw() ** 2 * 200_000),
        city=trade.cities[city],
        vehicle_type=VEHICLES[vehicle],
        created_at=created_at,
        states=states,
        prices=_prices(random, trade, created_at, vehicle, finished_at),
        dispatches=dispatches,
        purged_at=finished_at + _between(draw(), 3 * MINUTE, 15 * MINUTE) if draw() < 0.02 else None,
    )


def driver_events(order: Order) -> tuple[DriverEvent, ...]:
    """What the apps of the order's drivers say: busy at each match, online again when it is over."""
    said = [(dispatch.driver_id, "busy", dispatch.matched_at) for dispatch in order.dispatches]
    last = order.states[-1]
    over = last.completed_at or last.cancelled_at
    if said and over is not None:
        said.append((said[-1][0], "online", over + 400))
    return tuple(_driver_event(order.order_id * 10 + number, order.trade, *each) for number, each in enumerate(said))


def shift_event(random: Random, trade: Trade, minute: int, number: int) -> DriverEvent:
    """Some driver of the market comes online or goes offline within the minute; `number` counts within it."""
    driver = _driver(random.random(), trade, int(random.random() * len(trade.cities)))
    status = "online" if random.random() < 0.55 else "offline"
    return _driver_event(number * 10 + 9, trade, driver, status, minute * MINUTE + int(random.random() * MINUTE))


def forgotten_event(random: Random, trade: Trade, minute: int, number: int) -> DriverEvent:
    """An event of 65 to 180 minutes before that minute, which a phone without network has kept to itself since."""
    driver = _driver(random.random(), trade, int(random.random() * len(trade.cities)))
    occurred_at = minute * MINUTE - _between(random.random(), 65 * MINUTE, 180 * MINUTE)
    return _driver_event(number * 10 + 8, trade, driver, "offline", occurred_at)


def _between(share: float, low: int, high: int) -> int:
    return low + int(share * (high - low))


def _waiting(random: Random, low: int, mean: int, most: int) -> int:
    return low + min(int(-math.log(1 - random.random()) * mean), most)


def _driver(share: float, trade: Trade, city: int) -> int:
    return trade.number * 1_000_000 + city * 10_000 + int(share * 900)


def _driver_event(event_id: int, trade: Trade, driver_id: int, status: str, occurred_at: int) -> DriverEvent:
    city = driver_id // 10_000 % 100
    return DriverEvent(
        event_id, driver_id, trade.market.code, trade.cities[city], status, VEHICLES[driver_id % 4], occurred_at
    )


def _fate(
    random: Random, trade: Trade, created_at: int, city: int
) -> tuple[tuple[OrderState, ...], tuple[Dispatch, ...], int]:
    """The states, the dispatches, and when the order is over."""
    draw = random.random
    created = OrderState("created", created_at)
    outcome = draw()
    if outcome < 0.02:
        cancelled_at = created_at + _between(draw(), 2 * SECOND, 6 * SECOND)
        return (created, OrderState("cancelled", cancelled_at, cancelled_at=cancelled_at)), (), cancelled_at
    if outcome < 0.08:
        cancelled_at = created_at + _waiting(random, 10 * SECOND, 90 * SECOND, 8 * MINUTE)
        return (created, OrderState("cancelled", cancelled_at, cancelled_at=cancelled_at)), (), cancelled_at

    first = created_at + _waiting(random, 15 * SECOND, 100 * SECOND, 10 * MINUTE)
    matched = OrderState("matched", first + _between(draw(), 5, 60))
    dispatches = [Dispatch(_driver(draw(), trade, city), first, first)]
    reassigned = draw()
    if reassigned < 0.06:
        wait = _between(draw(), 2 * SECOND, 8 * SECOND) if reassigned < 0.02 else _between(draw(), MINUTE, 5 * MINUTE)
        dispatches.append(Dispatch(_driver(draw(), trade, city), first + wait, first + wait))
    under_way = dispatches[-1].matched_at + SECOND
    if outcome < 0.12:
        cancelled_at = under_way + _between(draw(), SECOND, 7 * MINUTE)
        over = OrderState("cancelled", cancelled_at, cancelled_at=cancelled_at)
    else:
        completed_at = under_way + _waiting(random, 7 * MINUTE, 11 * MINUTE, 45 * MINUTE)
        over = OrderState("completed", completed_at, completed_at=completed_at)
    return (created, matched, over), tuple(dispatches), over.updated_at


def _prices(random: Random, trade: Trade, created_at: int, vehicle: int, finished_at: int) -> tuple[Price, ...]:
    """None for a few orders, one for most, two when the fare is worked out again before the end."""
    draw = random.random
    if draw() < 0.008:
        return ()
    category = min(int(draw() * 4), 2)
    fare = trade.usual_fare * (1 + vehicle * 0.8) * (0.8 + category * 0.3) * (0.5 + draw() * 1.2)
    coupon = trade.number * 10_000 + int(draw() * 500) if draw() < 0.18 else None
    first = Price(int(fare), CATEGORIES[category], coupon, created_at + _between(draw(), 120, 1_200))
    again = draw()
    if again >= 0.14:
        return (first,)
    earliest = first.priced_at + 500
    wait = _between(draw(), 1_500, 6_000) if again < 0.06 else max(500, int(draw() * (finished_at - earliest)))
    if draw() < 0.3:
        category = (category + 1) % 3
    return (first, Price(int(fare * (0.85 + draw() * 0.5)), CATEGORIES[category], coupon, earliest + wait))
