"""B13: thirty days by backfill beside a running stream, against the same by replay through the stream itself."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from benchmarks import feed, jobs
from benchmarks.declared import declare
from benchmarks.events import Sender
from benchmarks.figure import Figure, Goal, percentile
from benchmarks.looking import Looking
from benchmarks.stand import KPI_MINUTE, ORDERS, WAREHOUSE, Stand, Tell
from headwater.backfill.build import Request
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.batch import Comparison, Operator
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.backfill.run import run_backfill
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore
from simulator.markets import read_markets
from simulator.record import Record
from simulator.replay import ReplaySpan
from simulator.sink import Sink
from simulator.stream import Disorder, records

DAYS = 30
ORDERS_PLACED = 60_000
CHECKPOINTS = "1s"
_FIRST = date(2026, 9, 1)
_LAST = _FIRST + timedelta(DAYS - 1)
_BEHIND = _LAST + timedelta(1)
_MODELS = frozenset({ORDERS, KPI_MINUTE})
_BEFORE_SECONDS = 30.0
_SENDING_SECONDS = 900.0
_LOOK_SECONDS = 0.05
_PATIENCE = 900.0


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """Two figures: the time, and the stream's freshness meanwhile against before."""
    ours: list[float] = []
    reference: list[float] = []
    before: list[float] = []
    meanwhile: list[float] = []
    sent = 0
    with feed.topics(stand.stack.kafka) as topics:
        stand.tell(f"B13: writing {DAYS} days of orders")
        written = _fill(stand.stack.kafka, topics, stand.tell)
        warehouse = declare(
            stand.scratch / "b13-warehouse", topics=topics, checkpoints=CHECKPOINTS, models=[ORDERS, KPI_MINUTE]
        )
        for number in range(1, rounds + 1):
            place = stand.place(f"b13-{number}", warehouse)
            stand.tell(f"B13: round {number} of {rounds}, replay through the stream")
            for model in _MODELS:
                feed.forget_group(place.kafka, f"headwater.{model}")
            begun = time.monotonic()
            started = jobs.start_ours(place, _MODELS)
            try:
                _await(lambda place=place: _history(place) == ORDERS_PLACED, "the replay")
                reference.append(time.monotonic() - begun)
                stand.tell(f"B13: replayed in {reference[-1]:.1f} s; now beside {Live.RATE} orders a second")
                seconds, sent, quiet, busy = _beside(place, topics, sent, stand.tell)
            finally:
                for job in started.values():
                    jobs.cancel(place, job)
            ours.append(seconds)
            before.append(percentile(quiet, 0.99))
            meanwhile.append(percentile(busy, 0.99))
            stand.tell(f"B13: backfilled in {seconds:.1f} s; p99 {before[-1]:.2f} s before, {meanwhile[-1]:.2f} s then")
    note = (
        f"dm.kpi_minute, {DAYS} days of {ORDERS_PLACED:,} orders ({written:,} change records): every row computed from "
        "dwd.orders and its partitions replaced, the wait and the second look included, beside the running stream; "
        f"against both jobs from no state until they have read it all; checkpoints every {CHECKPOINTS}"
    )
    fresh_note = (
        f"age of orders when dm.kpi_minute first counts them, p99, {Live.RATE} orders a second; in the round's time of "
        f"backfilling, and in the {_BEFORE_SECONDS:.0f} s before"
    )
    return [
        Figure("B13", "30 days by backfill / by replay", "s", tuple(ours), tuple(reference), Goal(0.1), note),
        Figure(
            "B13",
            "the stream's freshness meanwhile / before",
            "s",
            tuple(meanwhile),
            tuple(before),
            Goal(1.2),
            fresh_note,
        ),
    ]


def _beside(
    place: Stack, topics: str, sent: int, tell: Tell
) -> tuple[float, int, tuple[float, ...], tuple[float, ...]]:
    """Backfill beside live orders; give its seconds, and how old orders were when first counted, before and meanwhile.

    Args:
        sent: Live orders of earlier rounds, which the jobs have read again.
    """
    _await(lambda: _counted(place, _BEHIND) == sent, "the live orders of earlier rounds")
    with Live(place, topics, sent) as live:
        _await(lambda: len(live.ages(0, time.time())) > 100, "the first live orders")
        quiet = time.time()
        _await(lambda: time.time() - quiet > _BEFORE_SECONDS, "the time before")
        begun, clock = time.time(), time.monotonic()
        request = Request(KPI_MINUTE, Kind.REPLACE, Scope(_FIRST, _LAST), downstream=False)
        outcome = run_backfill(place, request, tell)
        seconds, ended = time.monotonic() - clock, time.time()
        _await(lambda: live.has_seen(ended), "the last live orders")
        ages = live.ages(quiet, begun), live.ages(begun, ended)
    sent += live.sent
    (piece,) = outcome.written
    if piece.snapshot is None or piece.difference.changed or piece.difference.missing or piece.difference.surplus:
        raise HeadwaterError(
            f"B13 compares nothing: batch and stream differ, {piece.difference}",
            next_command="headwater parity dm.kpi_minute",
        )
    if _history(place) != ORDERS_PLACED:
        raise HeadwaterError("B13: orders were lost or doubled by the backfill", next_command="report this")
    return seconds, sent, *ages


class Live:
    """Orders sent one by one, and how old each is when the minutes first count it. A context manager."""

    RATE = 100

    def __init__(self, place: Stack, topics: str, already: int) -> None:
        self._place = place
        self._sender = Sender(place.kafka, topics, _SENDING_SECONDS, rate=self.RATE, first=already)
        self._seen_at: list[float] = []
        self._snapshot = 0
        self._already = already
        self._looking = Looking(self._look, _LOOK_SECONDS)

    def __enter__(self) -> "Live":
        self._sender.start()
        self._looking.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._sender.stop()
        self._looking.__exit__(*exception)

    @property
    def sent(self) -> int:
        """Orders sent so far."""
        return len(self._sender.sent_at)

    def has_seen(self, sent: float) -> bool:
        """Every order that was sent before this time has been counted."""
        self._looking.check()
        seen = len(self._seen_at)
        return seen < len(self._sender.sent_at) and self._sender.sent_at[seen] > sent

    def ages(self, first: float, last: float) -> tuple[float, ...]:
        """Of the orders sent between these times, in seconds."""
        pairs = zip(list(self._sender.sent_at), list(self._seen_at), strict=False)
        return tuple(seen - sent for sent, seen in pairs if first <= sent < last)

    def _look(self) -> None:
        newest = FilesystemTableStore(self._place.lake).latest_snapshot(KPI_MINUTE)
        if newest is None or newest.id == self._snapshot:
            return
        self._snapshot = newest.id
        # An aggregate has seen a prefix of its input: these are the first that were sent.
        count = _counted(self._place, _BEHIND) - self._already
        now = time.time()
        self._seen_at.extend(now for _ in range(count - len(self._seen_at)))


def _fill(bootstrap: str, prefix: str, tell: Tell) -> int:
    start = datetime(_FIRST.year, _FIRST.month, _FIRST.day, tzinfo=UTC)
    # What happens to the last day's orders after it ends is left out, so no minute lies behind it.
    span = ReplaySpan(start, DAYS * 24 * 60, ORDERS_PLACED, disorder=Disorder(malformed=0))
    script, minutes = span.script(read_markets(WAREHOUSE))
    sink = Sink(bootstrap)
    sent = 0
    for record in records(script, minutes):
        if record.topic in feed.FACTS:
            _send(sink, replace(record, topic=prefix + record.topic))
            sent += 1
            if sent % 100_000 == 0:
                tell(f"B13: {sent:,} records written")
    while not sink.flush(5):
        tell(f"B13: {sent:,} records written; waiting for the broker")
    return sent


def _send(sink: Sink, record: Record) -> None:
    while not sink.offer(record):
        pass


def _history(place: Stack) -> int:
    return _counted(place, _FIRST, _LAST)


def _counted(place: Stack, first: date, last: date | None = None) -> int:
    """Orders that the minutes of these days count."""
    newest = FilesystemTableStore(place.lake).latest_snapshot(KPI_MINUTE)
    if newest is None:
        return 0
    where = [Comparison("minute_day", Operator.GREATER_EQUAL, (first,))]
    if last is not None:
        where.append(Comparison("minute_day", Operator.LESS_EQUAL, (last,)))
    columns = scan(place.lake, KPI_MINUTE, newest.id, ["minute_day", "created"], where).read_all()
    inside = (day >= first and (last is None or day <= last) for day in columns["minute_day"].to_pylist())
    return sum(count for count, wanted in zip(columns["created"].to_pylist(), inside, strict=True) if wanted)


def _await(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise HeadwaterError(
                f"B13 waited {_PATIENCE:.0f} s for {what}",
                left="the benchmark's own jobs and topics, which end with it",
                next_command="headwater bench B13 again, on a machine with less to do",
            )
        time.sleep(_LOOK_SECONDS)
