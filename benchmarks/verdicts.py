"""B14: the verdict on each edit of the corpus against what a real restore does with it, and what a verdict costs."""

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmarks.corpus import Edit, corpus
from benchmarks.figure import Figure, Goal
from benchmarks.restores import AT_ONCE, Laboratory, Reality, Trial
from benchmarks.stand import Stand

_GOES_ON = (Reality.SAME, Reality.LATER)


def measure(stand: Stand, _rounds: int) -> list[Figure]:
    """Try every edit once; a round would only repeat it."""
    trials = list(tried(stand, corpus()))
    right = [trial for trial in trials if trial.agrees]
    misled = [trial for trial in trials if trial.judged.keeps_state and trial.reality not in _GOES_ON]
    note = "; ".join(told(trial) for trial in trials if not trial.agrees)
    return [
        Figure(
            "B14", "edits judged as a real restore goes", "edits", (len(right),), (len(trials),), Goal(1, True), note
        ),
        Figure("B14", "edits called compatible that are not", "edits", (len(misled),), (), Goal(0)),
    ]


def tried(stand: Stand, edits: Sequence[Edit]) -> Iterator[Trial]:
    """What became of each edit; those of one base version some at a time."""
    begun = time.monotonic()
    done = 0
    for _, group in groupby(edits, lambda edit: edit.group):
        members = list(group)
        for first in range(0, len(members), AT_ONCE):
            some = members[first : first + AT_ONCE]
            for trial in Laboratory(stand, some[0].before).try_out(some):
                done += 1
                if not trial.agrees:
                    stand.tell(told(trial))
                yield trial
            stand.tell(f"{done} of {len(edits)} edits tried in {time.monotonic() - begun:.0f} s")


def told(trial: Trial) -> str:
    """An edit in a line: what was expected, said and seen."""
    seen = ", ".join(f"{reality.value} ({note})" if note else reality.value for reality, note in trial.seen)
    return f"«{trial.edit.id}» is {trial.edit.verdict.value}: judged {trial.judged.value}; restored: {seen}"
