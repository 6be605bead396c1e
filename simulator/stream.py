"""The ordered stream of records that upstream sends, made minute by minute; the same seed gives the same bytes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

import orjson

from simulator.demand import Demand
from simulator.instant import MINUTE, SECOND, iso
from simulator.lifecycle import (
    DriverEvent,
    Order,
    driver_events,
    first_id,
    forgotten_event,
    place_order,
    redemptions,
    request,
    shift_event,
)
from simulator.malformed import spoil
from simulator.markets import Trade
from simulator.record import (
    Change,
    Record,
    Sort,
    dispatch_changes,
    driver_change,
    order_changes,
    pricing_changes,
    redemption_change,
    request_change,
)

_SHIFTS = 500_000  # numbers of a cell from here on belong to events without an order


@dataclass(frozen=True, slots=True)
class Disorder:
    """How much goes wrong on the way, as shares of the good records. The truth says how often each did happen.

    Args:
        repeated: Sent again, byte for byte: an app's event within 4 s, a change within 5 minutes, so often after
            newer ones.
        late: Changes of orders, prices and dispatches held back for 20 to 180 s, often until after newer ones.
        delayed: Events of apps held back for 2 to 10 s, which the declared lateness of 20 s covers.
        forgotten: Driver events that come 65 to 180 minutes after they happened, as a share of the others.
        malformed: Extra records that cannot be read.
    """

    repeated: float = 0.01
    late: float = 0.005
    delayed: float = 0.02
    forgotten: float = 0.002
    malformed: float = 0.002


ORDINARY = Disorder()
ORDERLY = Disorder(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that decides the stream.

    Args:
        seed: The same seed, the same bytes.
        run: 0 for a replay, 1 for live: their ids never meet.
        trades: The markets.
        demand: How many orders each places in a minute.
        disorder: What goes wrong.
        until: Nothing that happened at or after this instant is sent; None for no end.
    """

    seed: int
    run: int
    trades: tuple[Trade, ...]
    demand: Demand
    disorder: Disorder = ORDINARY
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """What a market did in one minute, before any of it is sent. `forgotten` come after their windows have closed."""

    orders: tuple[Order, ...]
    events: tuple[DriverEvent, ...]
    forgotten: tuple[DriverEvent, ...]


Witness = Callable[[Happened], None]


def records(
    script: Script, minutes: Iterable[int], witness: Witness | None = None, *, after: int = 0
) -> Iterator[Record]:
    """Every record of the orders placed in these minutes, in the order of sending.

    Args:
        script: What decides the stream.
        minutes: Counted from 1970, ascending; gaps are allowed, and no orders are placed in them.
        witness: Told of what happened in each market and minute, before its first record comes out.
        after: Leave out what was due up to this instant.
    """
    waiting: dict[int, list[_Planned]] = defaultdict(list)
    diary = _Diary(waiting, script.until, after)
    now = None
    for minute in minutes:
        for passed in range(minute if now is None else now, minute):
            yield from _send(waiting.pop(passed, []))
        for trade in script.trades:
            _plan(script, trade, minute, diary, witness)
        now = minute
    for passed in sorted(waiting):
        yield from _send(waiting[passed])


@dataclass(frozen=True, slots=True)
class _Planned:
    sent_at: int
    change: Change
    sort: Sort
    flaw: tuple[bytes, str] | None = None


@dataclass(frozen=True, slots=True)
class _Diary:
    """What is due, by minute of sending; only what happened before `until` and is due after `after`."""

    waiting: dict[int, list[_Planned]]
    until: int | None
    after: int

    def add(self, planned: _Planned) -> None:
        happened_in_time = self.until is None or planned.change.sequence < self.until
        if happened_in_time and planned.sent_at > self.after:
            self.waiting[planned.sent_at // MINUTE].append(planned)


def _sent_at(planned: _Planned) -> int:
    return planned.sent_at


def _send(planned: list[_Planned]) -> Iterator[Record]:
    planned.sort(key=_sent_at)
    for each in planned:
        change = each.change
        value, reason = each.flaw or (orjson.dumps(change.payload), "")
        yield Record(change.topic, b"%d" % change.key, value, change.sequence, each.sent_at, each.sort, reason)


def _plan(script: Script, trade: Trade, minute: int, diary: _Diary, witness: Witness | None) -> None:
    random = Random(f"{script.seed}/{trade.market.code}/{minute}")
    happened = _happen(script, random, trade, minute)
    if witness is not None:
        witness(happened)
    delivery = _Delivery(random, script.disorder, diary)
    for order in happened.orders:
        for changes in (order_changes(order), pricing_changes(order), dispatch_changes(order)):
            for change in changes:
                delivery.change(change)
    for event in happened.events:
        delivery.event(driver_change(event))
    for event in happened.forgotten:
        delivery.forgotten(driver_change(event), minute)
    # Last: what they draw changes nothing of the records above.
    for order in happened.orders:
        delivery.event(request_change(request(order)))
        for redemption in redemptions(order):
            delivery.event(redemption_change(redemption))


def _happen(script: Script, random: Random, trade: Trade, minute: int) -> Happened:
    count = script.demand.orders(trade, minute)
    first = first_id(script.run, trade, minute)
    orders = tuple(place_order(random, trade, minute, first + number) for number in range(count))
    shifts = 1 + count // 2
    events = [event for order in orders for event in driver_events(order)]
    events.extend(shift_event(random, trade, minute, first + _SHIFTS + number) for number in range(shifts))
    forgotten = [
        forgotten_event(random, trade, minute, first + _SHIFTS + number)
        for number in range(len(events))
        if random.random() < script.disorder.forgotten
    ]
    return Happened(orders, tuple(events), tuple(forgotten))


@dataclass(frozen=True, slots=True)
class _Delivery:
    """Decides when each change arrives, and what else arrives because of it."""

    random: Random
    disorder: Disorder
    diary: _Diary

    def change(self, change: Change) -> None:
        draw = self.random.random
        sent_at = change.sequence + 20 + int(draw() * 380)
        sort = Sort.GOOD
        if draw() < self.disorder.late:
            sent_at += 20 * SECOND + int(draw() * 160 * SECOND)
            sort = Sort.LATE
        self._send(change, sent_at, sort, 5 * 60 * SECOND)

    def event(self, change: Change) -> None:
        draw = self.random.random
        sent_at = change.sequence + 20 + int(draw() * 380)
        if draw() < self.disorder.delayed:
            sent_at += 2 * SECOND + int(draw() * 8 * SECOND)
        self._send(change, sent_at, Sort.GOOD, 4 * SECOND)

    def forgotten(self, change: Change, minute: int) -> None:
        # In the next minute: by then other events have come, so that this one is late even at the very beginning.
        sent_at = (minute + 1) * MINUTE + 15 * SECOND + int(self.random.random() * 45 * SECOND)
        self.diary.add(_Planned(sent_at, change, Sort.LATE))

    def _send(self, change: Change, sent_at: int, sort: Sort, repeat_within: int) -> None:
        draw = self.random.random
        repeat, flawed = draw() < self.disorder.repeated, draw() < self.disorder.malformed
        self.diary.add(_Planned(sent_at, change, sort))
        if repeat:
            self.diary.add(_Planned(sent_at + 50 + int(draw() * repeat_within), change, Sort.REPEATED))
        if flawed and change.payload.get("op") != "d":
            value = spoil(self.random, change, iso(change.sequence + 1))
            self.diary.add(_Planned(sent_at + 1 + int(draw() * 50), change, Sort.MALFORMED, value))
