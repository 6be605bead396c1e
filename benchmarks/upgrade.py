"""An upgrade, from stopping the job to its healthy next version, beside a stop and resume done by hand."""

import re
import time
from pathlib import Path

from benchmarks import feed, jobs
from benchmarks.declared import declare
from benchmarks.figure import Figure
from benchmarks.stand import ORDERS, Stand
from benchmarks.submission import CHECKPOINTS
from headwater.stack import Stack
from resources.deploy import deploy

_ORDERS = 20_000
_COUPON = re.compile(r"NULLIF\(coupon_id, -\d+\) AS coupon_id|coupon_id")


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """Two figures; a first round, in which both sides load classes, is not counted."""
    healthy: list[float] = []
    whole: list[float] = []
    by_hand: list[float] = []
    with feed.topics(stand.stack.kafka) as topics:
        feed.fill(stand.stack.kafka, topics, _ORDERS, stand.tell)
        warehouse = declare(
            stand.scratch / "upgrade-warehouse", topics=topics, checkpoints=CHECKPOINTS, models=[ORDERS]
        )
        ours, bare = stand.place("upgrade-ours", warehouse), stand.place("upgrade-bare", warehouse)
        running = jobs.start_ours(ours)[ORDERS]
        resumed = jobs.start_bare(bare, topics=topics, checkpoints=CHECKPOINTS)
        for number in range(rounds + 1):
            stand.tell("upgrade: warming up" if number == 0 else f"upgrade: round {number} of {rounds}")
            _edit(warehouse, number + 1)
            began = time.monotonic()
            running, stopped = _upgraded(ours)
            healthy.append(time.monotonic() - stopped)
            whole.append(time.monotonic() - began)
            began = time.monotonic()
            savepoint = jobs.stop_bare(bare, resumed)
            resumed = jobs.start_bare(bare, topics=topics, checkpoints=CHECKPOINTS, savepoint=savepoint)
            by_hand.append(time.monotonic() - began)
        jobs.cancel(ours, running)
        jobs.cancel(bare, resumed)
    note = (
        "dwd.orders with an edited projection; by hand the same SQL is stopped with a savepoint and resumed; "
        "checkpoints every 200 ms, since Flink draws the first one's moment from a whole interval"
    )
    before = "as above, and before the stop: reading declarations, compiling the new SQL, the verdict"
    reference = tuple(by_hand[1:])
    return [
        Figure(
            "upgrade", "from the stop until the next version is healthy", "s", tuple(healthy[1:]), reference, note=note
        ),
        Figure("upgrade", "the whole apply", "s", tuple(whole[1:]), reference, note=before),
    ]


def _edit(warehouse: Path, number: int) -> None:
    file = warehouse / "dwd" / "orders" / "from_pricing.sql"
    file.write_text(_COUPON.sub(f"NULLIF(coupon_id, -{number}) AS coupon_id", file.read_text()))


def _upgraded(place: Stack) -> tuple[str, float]:
    """The new job's id, and when its predecessor began to stop, on the monotonic clock."""
    stops: list[float] = []

    def told(line: str) -> None:
        if line.startswith("stop job"):
            stops.append(time.monotonic())

    deployed = deploy(place, told, models={ORDERS})
    (stopped,) = stops
    return deployed.jobs[ORDERS].id, stopped
