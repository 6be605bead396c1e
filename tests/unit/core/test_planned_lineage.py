"""Lineage by the SQL held against lineage by the plans that Flink compiled of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.corpus import SUBJECT, corpus
from headwater.compile.operator_ids import Plan
from headwater.loader import load
from headwater.model import Flow, Model, Warehouse
from tests.planned_lineage import disagreements

PAIRS = {
    pair["edit"]: pair
    for pair in map(json.loads, map(Path.read_text, (Path(__file__).parents[1] / "verdict" / "pairs").iterdir()))
}
EDITS = {edit.id: edit for edit in corpus()}


def declared(edit: str, side: str, folder: Path) -> tuple[Warehouse, Plan]:
    getattr(EDITS[edit], side).write(folder)
    return load(folder), PAIRS[edit][side]


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("edit", sorted(PAIRS))
def test_sql_and_plan_agree(edit: str, side: str, tmp_path: Path) -> None:
    warehouse, plan = declared(edit, side, tmp_path)
    assert disagreements(warehouse.model(SUBJECT), plan, warehouse.model) == []


def with_lineage_of(model: Model, column: str, other: str) -> Model:
    """The model with one column said to come from where another one does."""

    def changed(flow: Flow) -> Flow:
        names = [output.name for output in flow.outputs]
        made_of = list(flow.made_of)
        made_of[names.index(column)] = made_of[names.index(other)]
        return replace(flow, made_of=tuple(made_of))

    return replace(model, flows=tuple(map(changed, model.flows)))


def test_a_wrong_origin_is_told(tmp_path: Path) -> None:
    warehouse, plan = declared("joins: a left join", "before", tmp_path)
    wrong = with_lineage_of(warehouse.model(SUBJECT), "price", "v")
    assert disagreements(wrong, plan, warehouse.model) == [
        "dwd.subject.price: ods.left.v by the SQL, ods.right.price by the plan"
    ]


def test_a_table_that_the_plan_does_not_read_is_told(tmp_path: Path) -> None:
    warehouse, plan = declared("joins: a left join", "before", tmp_path)
    model = warehouse.model(SUBJECT)
    fewer = replace(model, flows=(replace(model.flows[0], reads=model.reads[:1]),))
    assert disagreements(fewer, plan, warehouse.model) == [
        "dwd.subject reads ods.left by the SQL, ods.left, ods.right by the plan"
    ]
