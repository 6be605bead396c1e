"""What happens to an order and to the drivers: drawn once, from seed, market and minute, and never changed."""

import math
import zlib
from dataclasses import dataclass
from random import Random

from simulator.instant import MINUTE, SECOND
from simulator.markets import AREAS_OF_A_CITY, Trade

# No record of an order, however late or repeated, comes longer than this after the minute it was placed in.
HORIZON_MINUTES = 110

VEHICLES = ("motorcycle", "car", "van", "truck")
CATEGORIES = ("saver", "regular", "priority")

# Ids count minutes from 2020, so that run, minute, market and number all fit in 63 bits.
FIRST_MINUTE = 26_297_280
_MARKETS, _CELL, _RUN = 64, 1_000_000, 10**15
_COUPONS_OF_A_CAMPAIGN = 50


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
    driver_area: str


@dataclass(frozen=True, slots=True)
class Order:
    """One order and everything that ever becomes of it. Each history is in order of its sequence, without ties.

    Args:
        area: Of the pick-up.
        user_area: In which the user's app was; for a few orders another one.
        purged_at: When upstream deletes the finished order's row, or None.
    """

    order_id: int
    trade: Trade
    user_id: int
    city: str
    area: str
    user_area: str
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
    area: str
    status: str
    vehicle_type: str
    occurred_at: int


@dataclass(frozen=True, slots=True)
class Request:
    """A user's app asks for a vehicle: what an order begins with."""

    event_id: int
    user_id: int
    market: str
    area: str
    vehicle_type: str
    requested_at: int


@dataclass(frozen=True, slots=True)
class Redemption:
    """A coupon is used for an order, or comes back because the order was called off. `amount` in hundredths."""

    event_id: int
    market: str
    campaign: str
    coupon_id: int
    user_id: int
    order_id: int
    action: str
    amount: int
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
    states, dispatches, finished_at = _fate(random, trade, created_at, city, order_id)
    area = _pick_up(order_id)
    return Order(
        order_id=order_id,
        trade=trade,
        user_id=trade.number * 10_000_000 + int(draw() ** 2 * 200_000),
        city=trade.cities[city],
        area=trade.area(city, area),
        user_area=trade.area(city, _elsewhere(area, order_id, "user", 0.05)),
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


def request(order: Order) -> Request:
    """What the user's app sent when the order was placed."""
    return Request(
        order.order_id, order.user_id, order.trade.market.code, order.area, order.vehicle_type, order.created_at
    )


def redemptions(order: Order) -> tuple[Redemption, ...]:
    """A tenth of the first price, when there is a coupon; given back when the order is cancelled."""
    first = order.prices[0] if order.prices else None
    if first is None or first.coupon_id is None:
        return ()
    said = [("redeemed", first.priced_at)]
    cancelled_at = order.states[-1].cancelled_at
    if cancelled_at is not None:
        said.append(("returned", max(cancelled_at, first.priced_at) + 300))
    campaign = f"{order.trade.market.code}-c{first.coupon_id % 10_000 // _COUPONS_OF_A_CAMPAIGN:02d}"
    return tuple(
        Redemption(
            order.order_id * 10 + number,
            order.trade.market.code,
            campaign,
            first.coupon_id,
            order.user_id,
            order.order_id,
            action,
            first.price // 10,
            occurred_at,
        )
        for number, (action, occurred_at) in enumerate(said)
    )


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


def _share(number: int, what: str) -> float:
    """Between 0 and 1, from the order's number alone: what came later into the world leaves all earlier draws alone."""
    return zlib.crc32(b"%d/%s" % (number, what.encode())) / 2**32


def _pick_up(order_id: int) -> int:
    """The place of the pick-up's area; the first is the busiest."""
    return int(_share(order_id, "area") ** 1.5 * AREAS_OF_A_CITY)


def _elsewhere(area: int, order_id: int, who: str, share: float) -> int:
    """The area itself, or for this share of orders one of the city's others."""
    drawn = _share(order_id, who)
    return area if drawn >= share else (area + 1 + int(drawn / share * (AREAS_OF_A_CITY - 1))) % AREAS_OF_A_CITY


def _between(share: float, low: int, high: int) -> int:
    return low + int(share * (high - low))


def _waiting(random: Random, low: int, mean: int, most: int) -> int:
    return low + min(int(-math.log(1 - random.random()) * mean), most)


def _driver(share: float, trade: Trade, city: int) -> int:
    return trade.number * 1_000_000 + city * 10_000 + int(share * 900)


def _driver_event(event_id: int, trade: Trade, driver_id: int, status: str, occurred_at: int) -> DriverEvent:
    city = driver_id // 10_000 % 100
    return DriverEvent(
        event_id,
        driver_id,
        trade.market.code,
        trade.cities[city],
        trade.area(city, driver_id % AREAS_OF_A_CITY),
        status,
        VEHICLES[driver_id % 4],
        occurred_at,
    )


def _fate(
    random: Random, trade: Trade, created_at: int, city: int, order_id: int
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
    pick_up = _pick_up(order_id)
    dispatches = [
        Dispatch(
            _driver(draw(), trade, city), first, first, trade.area(city, _elsewhere(pick_up, order_id, "driver", 0.1))
        )
    ]
    reassigned = draw()
    if reassigned < 0.06:
        wait = _between(draw(), 2 * SECOND, 8 * SECOND) if reassigned < 0.02 else _between(draw(), MINUTE, 5 * MINUTE)
        again = trade.area(city, _elsewhere(pick_up, order_id, "second driver", 0.1))
        dispatches.append(Dispatch(_driver(draw(), trade, city), first + wait, first + wait, again))
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
