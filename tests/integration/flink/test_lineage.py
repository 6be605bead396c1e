"""Lineage by the SQL held against plans that Flink compiles now."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headwater.compile.job import compile_job
from headwater.compile.operator_ids import Plan
from headwater.loader import load
from headwater.model import Model
from headwater.stack import Stack
from resources import deploy
from tests.conftest import PROJECT
from tests.planned_lineage import disagreements


@pytest.mark.parametrize("warehouse", ["warehouse", "tests/warehouses/pageviews"])
def test_every_column_comes_from_where_flinks_plan_takes_it(stack: Stack, tmp_path: Path, warehouse: str) -> None:
    declared = load(PROJECT / warehouse)

    def compiled(model: Model) -> Plan:
        scratch = deploy.scratch(stack, tmp_path / str(model.name))
        with deploy.engine(stack) as flink:
            return flink.compile(compile_job(model, declared.model, scratch))

    with ThreadPoolExecutor(max_workers=3) as pool:
        plans = list(pool.map(compiled, declared.streaming))
    found = [disagreements(model, plan, declared.model) for model, plan in zip(declared.streaming, plans, strict=True)]
    assert found == [[]] * len(declared.streaming)
