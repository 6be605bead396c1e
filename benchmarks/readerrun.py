"""`reader`: hundreds of random tables made by Flink, each read by our reader and by Flink itself."""

from benchmarks.figure import Figure, Goal
from benchmarks.flinkmade import flink_batch
from benchmarks.readerproof import Proof, prove
from benchmarks.stand import Stand

_AT_ONCE, _TURNS, _COMMITS = 24, 5, 5


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """The cases of each round and the wrong ones among them; by which path they were read is told."""
    cases: list[float] = []
    wrong: list[float] = []
    total = Proof()
    with flink_batch(stand, "reader") as (stack, execute):
        for number in range(rounds):
            before = total.cases, len(total.wrong)
            for turn in range(_TURNS):
                first = 1000 * number + turn * _AT_ONCE
                prove(execute, stack.lake, range(first, first + _AT_ONCE), _COMMITS, total, "dwd.case_")
                stand.tell(f"reader: round {number + 1} of {rounds}, {total.cases:,} cases, {len(total.wrong)} wrong")
            for said in total.wrong[before[1] :]:
                stand.tell(f"reader: {said}")
            cases.append(total.cases - before[0])
            wrong.append(len(total.wrong) - before[1])
    paths = ", ".join(f"{count:,} {path}" for path, count in sorted(total.paths.items()))
    merges = ", ".join(f"{count:,} {merge}" for merge, count in sorted(total.merges.items()))
    said = (
        f"{total.cases:,} cases in all: {merges}; read {paths}; {total.filtered:,} further reads with columns and"
        f" comparisons; the native reader alone would have been wrong in {len(total.native_wrong)}"
    )
    return [
        Figure("reader", "tables at a snapshot with other rows than Flink's", "cases", tuple(wrong), (), Goal(0), said),
        Figure("reader", "tables at a snapshot, compared with Flink's SELECT", "cases a round", tuple(cases)),
    ]
