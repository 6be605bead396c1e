"""Verdicts held against Flink: every edit of the corpus compiled, and some of them really restored."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.corpus import SUBJECT, Version, corpus
from benchmarks.restores import SCRATCH, Laboratory, compiled, judge_edit
from benchmarks.stand import Stand
from benchmarks.verdicts import told
from headwater.compile.operator_ids import Plan
from headwater.engines import ActualTable
from headwater.loader import load
from headwater.model import Warehouse
from headwater.stack import Stack
from resources import deploy
from resources.paimon.store import FilesystemTableStore
from tests.planned_lineage import disagreements

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
    running = dict(zip(bases, deployed(stack, tmp_path / "bases", list(bases.values())), strict=True))
    changed = deployed(stack, tmp_path / "edits", [edit.after for edit in edits])
    wrong = []
    for edit, (warehouse, plan, _) in zip(edits, changed, strict=True):
        _, before, table = running[edit.group]
        wrong += disagreements(warehouse.model(SUBJECT), plan, warehouse.model)
        judged = judge_edit(warehouse, table, plan, before).verdict
        if judged.outcome is not edit.verdict:
            found = "; ".join(map(str, judged.findings))
            wrong.append(f"{edit.id} is {edit.verdict.value}, judged {judged.outcome.value}: {found}")
    assert wrong == []


def test_some_edits_are_restored_and_bear_their_verdict_out(stack: Stack, tmp_path: Path) -> None:
    edits = [edit for edit in corpus() if edit.id in RESTORED]
    assert len(edits) == len(RESTORED)
    trials = Laboratory(Stand(stack, tmp_path, print), edits[0].before).try_out(edits)
    assert [told(trial) for trial in trials if not trial.agrees] == []


def deployed(stack: Stack, folder: Path, versions: Sequence[Version]) -> list[tuple[Warehouse, Plan, ActualTable]]:
    """Versions with their compiled plans and the tables that they would make, some at a time."""

    def one(number: int) -> tuple[Warehouse, Plan, ActualTable]:
        home = folder / str(number)
        versions[number].write(home / "warehouse")
        warehouse = load(home / "warehouse")
        with deploy.engine(stack) as flink:
            plan = compiled(flink, warehouse, replace(stack, home=home))
        table = FilesystemTableStore(home / SCRATCH).table(SUBJECT)
        assert table is not None
        return warehouse, plan, table

    with ThreadPoolExecutor(max_workers=3) as pool:
        return list(pool.map(one, range(len(versions))))
