"""B2: from asking for one new job to that job running with a completed checkpoint, beside a bare submission."""

import time

from benchmarks import feed, jobs
from benchmarks.declared import declare
from benchmarks.figure import Figure, Goal
from benchmarks.stand import ORDERS, Stand

# Flink takes the first checkpoint at a random moment within one interval after the start
# (CheckpointCoordinator.getRandomInitDelay). At the cluster's five seconds that draw would be most of what is measured.
CHECKPOINTS = "200ms"


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """One figure; a first round, in which both sides load classes, is not counted."""
    ours: list[float] = []
    reference: list[float] = []
    with feed.topics(stand.stack.kafka) as topics:
        warehouse = declare(stand.scratch / "b2-warehouse", topics=topics, checkpoints=CHECKPOINTS, models=[ORDERS])
        for number in range(rounds + 1):
            stand.tell("B2: warming up" if number == 0 else f"B2: round {number} of {rounds}")
            place = stand.place(f"b2-ours-{number}", warehouse)
            began = time.monotonic()
            started = jobs.start_ours(place)[ORDERS]
            ours.append(time.monotonic() - began)
            jobs.cancel(place, started)
            place = stand.place(f"b2-bare-{number}", warehouse)
            began = time.monotonic()
            started = jobs.start_bare(place, topics=topics, checkpoints=CHECKPOINTS)
            reference.append(time.monotonic() - began)
            jobs.cancel(place, started)
    note = (
        "dwd.orders into a new lake, table included; ours reads declarations, plans and applies in one Python process; "
        "checkpoints every 200 ms, since Flink draws the first one's moment from a whole interval"
    )
    return [Figure("B2", "apply of a new job", "s", tuple(ours[1:]), tuple(reference[1:]), Goal(1.15), note)]
