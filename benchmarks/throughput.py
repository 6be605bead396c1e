"""B1: records per second of a job that the platform started, beside the bare Flink job of the same SQL."""

from pathlib import Path

from benchmarks import bare, feed, jobs
from benchmarks.consumption import FIRST_SHARE, LAST_SHARE, Watcher, follow
from benchmarks.declared import declare
from benchmarks.figure import Figure, Goal
from benchmarks.stand import ORDERS, Stand
from headwater.problem import HeadwaterError
from headwater.stack import Stack

ORDERS_PLACED = 250_000
CHECKPOINTS = "2s"
_OUR_GROUP = f"headwater.{ORDERS}"


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """One figure; a first round warms the TaskManager up and is not counted."""
    with feed.topics(stand.stack.kafka) as topics:
        stand.tell("B1: writing the records that both sides read")
        records = feed.fill(stand.stack.kafka, topics, ORDERS_PLACED, stand.tell)
        warehouse = declare(stand.scratch / "b1-warehouse", topics=topics, checkpoints=CHECKPOINTS, models=[ORDERS])
        names = [topics + topic for topic in feed.FACTS]
        ours: list[float] = []
        reference: list[float] = []
        for number in range(rounds + 1):
            what = "warming up" if number == 0 else f"round {number} of {rounds}"
            stand.tell(f"B1: {what}, ours")
            place = stand.place(f"b1-ours-{number}", warehouse)
            ours.append(_ours(place, names, records))
            stand.tell(f"B1: {what}, bare; ours read {ours[-1]:,.0f} rows/s")
            other = stand.place(f"b1-bare-{number}", warehouse)
            reference.append(_bare(other, topics, names, records))
            stand.tell(f"B1: {what}, bare read {reference[-1]:,.0f} rows/s")
            if number == 0:
                refuse_different(place.lake, other.lake)
    note = (
        f"dwd.orders, {records:,} change records of three topics, parallelism 1, checkpoints every 2 s; between "
        f"{FIRST_SHARE:.0%} and {LAST_SHARE:.0%} of the records; after a warm-up round whose tables were equal"
    )
    return [
        Figure("B1", "throughput", "rows/s", tuple(ours[1:]), tuple(reference[1:]), Goal(0.98, at_least=True), note)
    ]


def refuse_different(ours: Path, other: Path) -> None:
    """Raise HeadwaterError when the two lakes' tables do not hold the same rows."""
    one, two = _rows(ours), _rows(other)
    if one.equals(two):
        return
    differing = [name for name in one.column_names if not one[name].equals(two[name])]
    raise HeadwaterError(
        f"B1 compares nothing: the tables differ ({len(one):,} and {len(two):,} rows; {', '.join(differing)})",
        next_command="compare benchmarks/bare_orders.sql with warehouse/dwd/orders",
    )


def _ours(place: Stack, names: list[str], records: int) -> float:
    feed.forget_group(place.kafka, _OUR_GROUP)
    with Watcher(feed.committed(place.kafka, _OUR_GROUP, names)) as watcher:
        started = jobs.start_ours(place)[ORDERS]
        return _followed(place, started, watcher, records)


def _bare(place: Stack, topics: str, names: list[str], records: int) -> float:
    feed.forget_group(place.kafka, bare.GROUP)
    with Watcher(feed.committed(place.kafka, bare.GROUP, names)) as watcher:
        started = jobs.start_bare(place, topics=topics, checkpoints=CHECKPOINTS)
        return _followed(place, started, watcher, records)


def _followed(place: Stack, job_id: str, watcher: Watcher, records: int) -> float:
    try:
        with jobs.jobmanager(place) as rest:
            return follow(rest, job_id, watcher, records)
    finally:
        jobs.cancel(place, job_id)


def _rows(lake: Path):  # noqa: ANN202
    """The table as it is now, ordered by key; bounded: the benchmark's own rows fit in memory."""
    from resources.paimon.reader import scan
    from resources.paimon.store import FilesystemTableStore

    snapshot = FilesystemTableStore(lake).latest_snapshot(ORDERS)
    if snapshot is None:
        raise HeadwaterError(f"{ORDERS} has no snapshot after the benchmark's job has read everything")
    table = scan(lake, ORDERS, snapshot.id).read_all()
    return table.sort_by([(name, "ascending") for name in ("market", "order_day", "order_id")])
