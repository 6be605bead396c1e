"""Write a fixed span of the upstream's life as fast as the machine can, and the truth about it."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import click

from headwater.model import Market
from headwater.problem import HeadwaterError
from simulator.demand import Quota
from simulator.instant import MINUTE, from_datetime
from simulator.lifecycle import FIRST_MINUTE
from simulator.markets import trades
from simulator.record import Record, Sort
from simulator.sink import Delivered, Sink, ensure_topics
from simulator.stream import ORDINARY, Disorder, Script, records
from simulator.truth import Bookkeeper, Rejection, Truth


@dataclass(frozen=True, slots=True)
class ReplaySpan:
    """Which stretch of time is replayed.

    Args:
        start: Aware datetime, on a whole minute.
        minutes: How long. Orders are placed all through it; what would happen to them after it is left out.
        orders: How many are placed, world-wide.
        seed: The same seed and span give the same records, byte for byte.
        disorder: What goes wrong on the way.
    """

    start: datetime
    minutes: int
    orders: int
    seed: int = 1
    disorder: Disorder = ORDINARY

    @property
    def first_minute(self) -> int:
        """Counted from 1970. Raises HeadwaterError for a start without a zone, between minutes, or before 2020."""
        try:
            instant = from_datetime(self.start)
        except ValueError as error:
            raise HeadwaterError(
                f"The replay's start needs a zone: {error}.", next_command=f"--start {self.start.isoformat()}Z"
            ) from error
        if instant % MINUTE or instant // MINUTE < FIRST_MINUTE:
            raise HeadwaterError(
                f"A replay starts on a whole minute, in 2020 or later; {self.start.isoformat()} does not.",
                next_command="--start 2026-11-22T03:00Z",
            )
        return instant // MINUTE

    def script(self, markets: Iterable[Market]) -> tuple[Script, range]:
        """What `records` needs to make the span's stream."""
        play = trades(markets)
        minutes = range(self.first_minute, self.first_minute + self.minutes)
        quota = Quota.share_out(play, minutes, self.orders)
        return Script(self.seed, 0, play, quota, self.disorder, until=minutes.stop * MINUTE), minutes


def imagine(markets: Iterable[Market], span: ReplaySpan) -> tuple[list[Record], Truth]:
    """The records in order of sending and the truth, without a broker."""
    script, minutes = span.script(markets)
    keeper = Bookkeeper(minutes.stop * MINUTE)
    sent = []
    for record in records(script, minutes, keeper.witness):
        keeper.saw(record)
        sent.append(record)
    return sent, keeper.truth()


def replay(
    bootstrap: str,
    markets: Iterable[Market],
    span: ReplaySpan,
    *,
    progress: bool = False,
    hold: Callable[[int], None] | None = None,
) -> Truth:
    """Send the span's records, wait until the broker has them all, and give the truth.

    Args:
        bootstrap: The broker's address.
        progress: Tell on stderr how it goes, every two seconds.
        hold: Called every thousand records with how many there were; the next are sent when it returns.

    Raises HeadwaterError when no broker answers.
    """
    script, minutes = span.script(markets)
    ensure_topics(bootstrap)
    sink = Sink(bootstrap)
    keeper = Bookkeeper(minutes.stop * MINUTE)
    rejected: list[Rejection] = []
    pace = _Pace(progress)
    with _collector_paused():
        for record in records(script, minutes, keeper.witness):
            told = _place(rejected, record) if record.sort is Sort.MALFORMED else None
            while not sink.offer(record, told):
                pass
            keeper.saw(record)
            if pace.tick():
                sink.serve()
                if hold is not None:
                    hold(pace.records)
    while not sink.flush(5):
        pace.waiting()
    pace.done()
    return keeper.truth(sorted(rejected, key=lambda each: (each.topic, each.partition, each.offset)))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Rows pile up and hold no cycles: walking them again and again would take a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _place(rejected: list[Rejection], record: Record) -> Delivered:
    topic, reason = record.topic, record.reason
    return lambda partition, offset: rejected.append(Rejection(topic, partition, offset, reason))


class _Pace:
    """Counts records, and says on stderr how many when asked to."""

    def __init__(self, loud: bool) -> None:
        self._loud = loud
        self.records = 0
        self._began = self._said = time.monotonic()

    def tick(self) -> bool:
        """One more. True every thousand, a good moment to serve callbacks."""
        self.records += 1
        if self.records % 1_000:
            return False
        if self._loud and time.monotonic() - self._said > 2:
            self._said = time.monotonic()
            self._say("sent")
        return True

    def waiting(self) -> None:
        """The broker is slow."""
        if self._loud:
            self._say("made; waiting for the broker")

    def done(self) -> None:
        """Everything is with the broker."""
        if self._loud:
            self._say("sent, all delivered")

    def _say(self, what: str) -> None:
        seconds = max(time.monotonic() - self._began, 0.001)
        click.echo(f"{self.records:,} records {what}, {self.records / seconds:,.0f}/s", err=True)
