"""Verdicts held against Flink: every edit of the corpus compiled, and some of them really restored."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.corpus import Version, corpus
from benchmarks.restores import Laboratory, compiled, judge_edit
from benchmarks.stand import Stand
from benchmarks.verdicts import told
from headwater.compile.operator_ids import Plan
from headwater.loader import load
from headwater.stack import Stack
from resources import deploy

RESTORED = (
    "aggregates: a condition on the result",
    "aggregates: an aggregate more",
    "aggregates: a topic more, united before it",
    "aggregates: two subtasks",
)


def test_every_edit_of_the_corpus_has_the_verdict_that_a_restore_has_borne_out(stack: Stack, tmp_path: Path) -> None:
    edits = corpus()
    assert len(edits) >= 100
    bases = {edit.group: edit.before for edit in edits}
    running = dict(zip(bases, plans(stack, tmp_path / "bases", list(bases.values())), strict=True))
    changed = plans(stack, tmp_path / "edits", [edit.after for edit in edits])
    wrong = [
        f"{edit.id} is {edit.verdict.value}, judged {judged.outcome.value}: {'; '.join(map(str, judged.findings))}"
        for edit, plan in zip(edits, changed, strict=True)
        if (judged := judge_edit(edit, plan, running[edit.group])).outcome is not edit.verdict
    ]
    assert wrong == []


def test_some_edits_are_restored_and_bear_their_verdict_out(stack: Stack, tmp_path: Path) -> None:
    edits = [edit for edit in corpus() if edit.id in RESTORED]
    assert len(edits) == len(RESTORED)
    trials = Laboratory(Stand(stack, tmp_path, print), edits[0].before).try_out(edits)
    assert [told(trial) for trial in trials if not trial.agrees] == []


def plans(stack: Stack, folder: Path, versions: Sequence[Version]) -> list[Plan]:
    """The compiled plans of versions, some at a time."""

    def plan(number: int) -> Plan:
        home = folder / str(number)
        versions[number].write(home / "warehouse")
        with deploy.engine(stack) as flink:
            return compiled(flink, load(home / "warehouse"), replace(stack, home=home))

    with ThreadPoolExecutor(max_workers=3) as pool:
        return list(pool.map(plan, range(len(versions))))
