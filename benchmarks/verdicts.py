"""B14: the verdict on each edit of the corpus against what a real restore does with it, and what a verdict costs."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import groupby

from benchmarks.corpus import SUBJECT, Edit, corpus
from benchmarks.edit_records import before_the_edit
from benchmarks.figure import Figure, Goal
from benchmarks.reality import Reality
from benchmarks.restores import AT_ONCE, Laboratory, Trial
from benchmarks.stand import Stand
from headwater.loader import load
from headwater.plan.actual import observe
from headwater.plan.trials import try_changes
from headwater.plan.verdicts import judge_changes
from resources import deploy
from resources.flink.jobmanager import JobManager
from resources.kafka import KafkaBroker, create_topics, writer
from resources.paimon.store import FilesystemTableStore

_TIMED = "aggregates: a condition on the result"
_SUFFIX = "_timed"
_GOES_ON = (Reality.SAME, Reality.LATER)


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """Try every edit once, since a round would only repeat it; time a verdict and a trial as often as asked.

    What a job over event time has dropped as late by the savepoint goes by moments, and two jobs of one text may differ
    in it. So an edit that comes out otherwise than judged is tried a second time, and the note says that it was.
    """
    first = list(tried(stand, corpus()))
    doubtful = [trial for trial in first if not trial.agrees]
    second = {trial.edit.id: trial for trial in tried(stand, [trial.edit for trial in doubtful])}
    trials = [second.get(trial.edit.id, trial) for trial in first]
    right = [trial for trial in trials if trial.agrees]
    every = [*first, *second.values()]
    misled = [trial for trial in every if trial.judged.keeps_state and trial.reality not in _GOES_ON]
    note = "; ".join([f"tried twice: {told(trial)}" for trial in doubtful] + [told(t) for t in trials if not t.agrees])
    return [
        Figure(
            "B14", "edits judged as a real restore goes", "edits", (len(right),), (len(trials),), Goal(1, True), note
        ),
        Figure("B14", "edits called compatible that are not", "edits", (len(misled),), (), Goal(0)),
        timed(stand, rounds),
    ]


def timed(stand: Stand, rounds: int) -> Figure:
    """What a verdict takes, beside a trial of the same change."""
    edit = next(edit for edit in corpus() if edit.id == _TIMED)
    home = stand.scratch / "verdict"
    for name, version in (("before", edit.before), ("after", edit.after)):
        version.write(home / name, _SUFFIX)
    place = stand.place("verdict-stack", home / "before")
    before, after = load(home / "before"), load(home / "after")
    create_topics(place.kafka, [source.topic for source in before.sources if source.topic])
    with writer(place.kafka) as opened:
        for topic, records in before_the_edit()[0].items():
            for record in records:
                opened.write(topic + _SUFFIX, record)
    deployed = deploy.deploy(place, lambda _line: None, models={SUBJECT})
    verdicts, trials = [], []
    with deploy.engine(place) as flink:
        for number in range(rounds):
            stand.tell(f"verdict and trial, round {number + 1} of {rounds}")
            begun = time.monotonic()
            scratch = deploy.scratch(place, home / f"scratch-{number}")
            actual = observe(after, flink, FilesystemTableStore(place.lake), KafkaBroker(place.kafka))
            judged = judge_changes(after, actual, flink, scratch, models={SUBJECT})
            verdicts.append(time.monotonic() - begun)
            trial = replace(deploy.addresses(place), is_trial=True)
            (tried_out,) = try_changes(after, actual, flink, trial, judged).values()
            trials.append(tried_out.seconds)
        flink.cancel(deployed.jobs[SUBJECT])
    note = f"{_TIMED}; the verdict with looking at what is there and compiling, the trial until its first checkpoint"
    return Figure("B14", "time of a verdict / of a trial", "s", tuple(verdicts), tuple(trials), Goal(0.05), note)


def tried(stand: Stand, edits: Sequence[Edit]) -> Iterator[Trial]:
    """What became of each edit; some of one base version together, and as many of those as the cluster has room for."""
    begun = time.monotonic()
    done = 0
    together = [
        members[first : first + AT_ONCE]
        for _, group in groupby(edits, lambda edit: edit.group)
        for members in [list(group)]
        for first in range(0, len(members), AT_ONCE)
    ]
    with ThreadPoolExecutor(max_workers=_laboratories(stand)) as pool:
        trying = [pool.submit(Laboratory(stand, some[0].before).try_out, some) for some in together]
        for finished in as_completed(trying):
            for trial in finished.result():
                done += 1
                if not trial.agrees:
                    stand.tell(told(trial))
                yield trial
            stand.tell(f"{done} of {len(edits)} edits tried in {time.monotonic() - begun:.0f} s")


def _laboratories(stand: Stand) -> int:
    """Each has one job of the old SQL and up to three of each edit."""
    manager = JobManager(stand.stack.flink_url)
    try:
        free, _ = manager.slots()
    finally:
        manager.close()
    return max(1, free // (3 * AT_ONCE + 1))


def told(trial: Trial) -> str:
    """An edit in a line: what was expected, said and seen."""
    seen = ", ".join(f"{reality.value} ({note})" if note else reality.value for reality, note in trial.seen)
    return f"«{trial.edit.id}» is {trial.edit.verdict.value}: judged {trial.judged.value}; restored: {seen}"
