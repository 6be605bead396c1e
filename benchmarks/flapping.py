"""Parity beside live traffic: two hundred comparisons of tables that are right, of which none may say «wrong»."""

from collections import Counter
from pathlib import Path

from benchmarks.figure import Figure, Goal
from benchmarks.parity import await_looks, has_rows, started
from benchmarks.stand import Tell
from headwater.parity.verdict import Parity, Verdict
from resources.local import lifecycle
from resources.parity.run import compare

_RUNS = 200


def measure(folder: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Two hundred comparisons while the simulator sends, in turn of every model."""
    del rounds
    stack, declared, models = started(folder, demo=True)
    verdicts: Counter[Verdict] = Counter()
    flaps: list[Parity] = []
    found: list[Parity] = []
    try:
        lifecycle.start_simulator(stack)
        for model in models:
            await_looks(lambda model=model: has_rows(stack, declared, model), f"rows in {model.name}")
        for number in range(_RUNS):
            parity = compare(stack, declared, models[number % len(models)]).parity
            verdicts[parity.verdict] += 1
            found.append(parity)
            if parity.verdict is Verdict.WRONG:
                flaps.append(parity)
                tell(f"{parity.model}: {parity.differences[0]}")
            if number % 20 == 19:
                tell(f"{number + 1} of {_RUNS}: " + ", ".join(f"{count} {word}" for word, count in verdicts.items()))
    finally:
        lifecycle.stop(stack)
    rows, left = sum(parity.rows for parity in found), sum(parity.in_flight for parity in found)
    note = (
        f"the simulator at 20 orders/s at peak, a checkpoint each second; {rows:,} rows compared, {left:,} keys left in"
        " flight; " + ", ".join(f"{count} «{word}»" for word, count in verdicts.items())
    )
    seconds = tuple(parity.seconds for parity in found)
    return [
        Figure(
            "parity",
            "verdicts «wrong» though nothing is, of 200 runs",
            "",
            (float(len(flaps)),),
            goal=Goal(0),
            note=note,
        ),
        Figure("parity", "time of one run", "s", seconds, note="beside traffic, second looks included"),
    ]
