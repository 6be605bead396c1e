"""B6: from the moment an event is sent to the moment a query sees it, in checkpoint intervals."""

import time
from collections.abc import Callable

from benchmarks import feed, jobs
from benchmarks.declared import declare
from benchmarks.events import Sender
from benchmarks.figure import Figure, Goal, percentile
from benchmarks.stand import KPI_MINUTE, ORDERS, Stand
from headwater.batch import Comparison, Operator
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack

INTERVALS = (1, 5)
"""Seconds between checkpoints."""
_WARM_UP = 15.0
_ROUND = 12.0
_POLL_SECONDS = 0.01


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """Two figures for each interval, p50 and p99; a round is twelve seconds of events, one after the other."""
    figures = []
    for interval in INTERVALS:
        with feed.topics(stand.stack.kafka) as topics:
            figures += _at(stand, interval, rounds, topics)
    return figures


def _at(stand: Stand, interval: int, rounds: int, topics: str) -> list[Figure]:
    stand.tell(f"B6: starting jobs with checkpoints every {interval} s")
    warehouse = declare(
        stand.scratch / f"b6-warehouse-{interval}",
        topics=topics,
        checkpoints=f"{interval}s",
        models=[ORDERS, KPI_MINUTE],
    )
    place = stand.place(f"b6-{interval}", warehouse)
    started = jobs.start_ours(place, frozenset({ORDERS, KPI_MINUTE}))
    try:
        sender = Sender(place.kafka, topics, _WARM_UP + rounds * _ROUND)
        watch = Watch(
            place, sender, patience=20.0 + 4 * interval, tell=lambda line: stand.tell(f"B6: {interval} s: {line}")
        )
        watch.run()
    finally:
        for job in started.values():
            jobs.cancel(place, job)
    return figures_of(interval, latencies(sender.sent_at, watch.one_hop), latencies(sender.sent_at, watch.two_hops))


def latencies(sent_at: list[float], seen_at: list[float]) -> list[tuple[float, ...]]:
    """Seconds from sending to seeing, grouped into rounds by the moment of sending, the warm-up left out."""
    rounds: dict[int, list[float]] = {}
    for sent, seen in zip(sent_at, seen_at, strict=True):
        since = sent - sent_at[0] - _WARM_UP
        if since >= 0:
            rounds.setdefault(int(since // _ROUND), []).append(seen - sent)
    return [tuple(values) for _, values in sorted(rounds.items()) if len(values) > 100]


def figures_of(interval: int, one_hop: list[tuple[float, ...]], two_hops: list[tuple[float, ...]]) -> list[Figure]:
    """The figures of one interval."""
    figures = []
    for share, bound in ((0.5, 0.75), (0.99, 1.5)):
        all_two = percentile(tuple(value for values in two_hops for value in values), share)
        note = (
            f"from sending to the end of the query that first sees it, dwd.orders, {sum(map(len, one_hop)):,} events, "
            f"200 a second; dm.kpi_minute, one job further on: {all_two:.2f} s"
        )
        ours = tuple(percentile(values, share) for values in one_hop)
        reference = tuple(float(interval) for _ in ours)
        name = f"event to query, p{share * 100:.0f}, checkpoints every {interval} s"
        figures.append(Figure("B6", name, "s", ours, reference, Goal(bound), note))
    return figures


class Watch:
    """Reads the newest snapshots again and again, and notes when each event is first seen.

    Args:
        place: Whose tables.
        sender: What sends the events, numbered from 0 in the order of sending.
        patience: Seconds that the last events may take.
        tell: Told now and then how far it is.
    """

    def __init__(self, place: Stack, sender: Sender, *, patience: float, tell: Callable[[str], None]) -> None:
        self.one_hop: list[float] = []
        self.two_hops: list[float] = []
        self._place = place
        self._sender = sender
        self._patience = patience
        self._tell = tell
        self._snapshots: dict[TableName, int] = {}

    def run(self) -> None:
        """Start the sender and watch until everything has been seen. Raises HeadwaterError when it never is."""
        self._sender.start()
        told = time.monotonic()
        done_at: float | None = None
        while done_at is None or min(len(self.one_hop), len(self.two_hops)) < len(self._sender.sent_at):
            seen = self._look(ORDERS, self._orders_seen, self.one_hop) | self._look(
                KPI_MINUTE, self._counted, self.two_hops
            )
            if not seen:
                time.sleep(_POLL_SECONDS)
            if done_at is None and self._sender.is_done:
                done_at = time.monotonic()
            if done_at is not None and time.monotonic() - done_at > self._patience:
                raise self._never_seen()
            if time.monotonic() - told > 5:
                told = time.monotonic()
                self._tell(f"{len(self._sender.sent_at):,} events sent, {len(self.one_hop):,} seen")

    def _look(self, name: TableName, count: Callable[[int], int], seen_at: list[float]) -> bool:
        from resources.paimon.store import FilesystemTableStore

        snapshot = FilesystemTableStore(self._place.lake).latest_snapshot(name)
        if snapshot is None or self._snapshots.get(name) == snapshot.id:
            return False
        self._snapshots[name] = snapshot.id
        seen = count(snapshot.id)
        now = time.time()
        seen_at.extend(now for _ in range(seen - len(seen_at)))
        return True

    def _orders_seen(self, snapshot_id: int) -> int:
        """How many orders are in the table: those of before, and what is new. They come in the order of sending."""
        before = len(self.one_hop)
        new = self._column(
            ORDERS, snapshot_id, "order_id", (Comparison("order_id", Operator.GREATER_EQUAL, (before,)),)
        )
        numbers = sorted(number for number in new if number >= before)
        if numbers != list(range(before, before + len(numbers))):
            raise HeadwaterError(f"B6: {ORDERS} has holes or doubles after order {before} at snapshot {snapshot_id}")
        return before + len(numbers)

    def _counted(self, snapshot_id: int) -> int:
        """How many orders the minutes count. An aggregate has seen a prefix of its input: these are the first sent."""
        return sum(self._column(KPI_MINUTE, snapshot_id, "created", ()))

    def _column(self, name: TableName, snapshot_id: int, column: str, where: tuple[Comparison, ...]) -> list[int]:
        from resources.paimon.reader import scan

        return scan(self._place.lake, name, snapshot_id, [column], where).read_all()[column].to_pylist()

    def _never_seen(self) -> HeadwaterError:
        return HeadwaterError(
            f"Of {len(self._sender.sent_at):,} events {len(self.one_hop):,} were seen in {ORDERS} "
            f"and {len(self.two_hops):,} in {KPI_MINUTE}, {self._patience:.0f} s after the last was sent",
            left="the benchmark's own jobs and topics, which end with it",
            next_command="headwater bench B6 again, on a machine with less to do",
        )
