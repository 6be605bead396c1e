"""The bare job must be the same job: what it leaves open is filled in, and its table is the declared one."""

import re
from pathlib import Path

import pytest

from benchmarks import bare
from benchmarks.declared import declare
from benchmarks.stand import KPI_MINUTE, ORDERS, WAREHOUSE
from headwater.compile.binding import Addresses
from headwater.compile.job import compile_job
from headwater.compile.storage import table_options
from headwater.loader import load
from headwater.model import Model
from headwater.stack import Ports, Stack


@pytest.fixture(scope="module")
def orders() -> Model:
    return load(WAREHOUSE).model(ORDERS)


@pytest.fixture
def statements(tmp_path: Path) -> tuple[str, ...]:
    place = Stack(home=tmp_path, warehouse=WAREHOUSE, ports=Ports())
    return bare.statements(bare.settings(place, topics="mine.", checkpoints="1s"))


def _one(statements: tuple[str, ...], beginning: str) -> str:
    (found,) = [statement for statement in statements if statement.startswith(beginning)]
    return found


def test_every_placeholder_is_filled_in_and_every_statement_is_one(statements: tuple[str, ...]) -> None:
    assert not [statement for statement in statements if "$" in statement or ";" in statement or "--" in statement]
    assert statements[-1].startswith("INSERT INTO lake.dwd.orders")
    assert "'topic' = 'mine.ods.orders'" in _one(statements, "CREATE TEMPORARY TABLE orders ")


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(KeyError):
        bare.statements({"lake": "file:///lake"})


def test_the_table_has_the_options_that_the_declaration_implies(statements: tuple[str, ...], orders: Model) -> None:
    written = dict(re.findall(r"'([^']+)' = '([^']*)'", _one(statements, "CREATE TABLE lake.dwd.orders")))
    # The platform sets the writer's buffer on its own binding of the table.
    warehouse = load(WAREHOUSE)
    bindings = compile_job(orders, warehouse.model, Addresses("file:///lake", "kafka:1")).bindings
    assert f"'write-buffer-size' = '{written.pop('write-buffer-size')}'" in bindings[-1]
    # How long a reader's place is kept does not concern the job that writes.
    declared = {key: value for key, value in table_options(orders).items() if not key.startswith("consumer.")}
    assert written == declared


def test_the_table_has_the_declared_columns_and_key(statements: tuple[str, ...], orders: Model) -> None:
    ddl = _one(statements, "CREATE TABLE lake.dwd.orders")
    columns = re.findall(r"^  ([a-z_]+) ([A-Z_]+(?:\([0-9, ]+\))?)", ddl, re.MULTILINE)
    assert columns == [(column.name, str(column.type)) for column in orders.columns]
    assert f"PRIMARY KEY ({', '.join(orders.key)})" in ddl
    assert f"PARTITIONED BY ({', '.join(orders.partition_by)})" in ddl


@pytest.mark.parametrize("source", ["orders", "order_pricing", "order_dispatch"])
def test_a_topic_has_the_declared_columns(statements: tuple[str, ...], source: str) -> None:
    ddl = _one(statements, f"CREATE TEMPORARY TABLE {source} ")
    columns = re.findall(r"^  ([a-z_]+) ([A-Z_]+(?:\([0-9, ]+\))?)", ddl, re.MULTILINE)
    declared = next(model for model in load(WAREHOUSE).sources if model.name.table == source)
    assert columns == [(column.name, str(column.type)) for column in declared.columns]


def test_session_settings_are_those_of_the_platform(statements: tuple[str, ...], orders: Model) -> None:
    warehouse = load(WAREHOUSE)
    set_by_hand = dict(re.findall(r"SET '([^']+)' = '([^']*)'", "\n".join(statements)))
    for key, value in compile_job(orders, warehouse.model, Addresses("", "")).properties:
        assert set_by_hand[key].replace("15 s", "15000 ms") == value


def test_a_copied_warehouse_has_its_own_topics_and_interval_and_is_otherwise_the_same(tmp_path: Path) -> None:
    folder = declare(tmp_path / "copy", topics="mine.", checkpoints="200ms", models=[ORDERS, KPI_MINUTE])
    copied, original = load(folder), load(WAREHOUSE)
    assert {source.topic.name for source in copied.sources if source.topic} == {
        f"mine.{source.topic.name}" for source in original.sources if source.topic
    }
    for name in (ORDERS, KPI_MINUTE):
        interval = copied.model(name).job.checkpoint_interval
        assert interval is not None
        assert interval.total_seconds() == 0.2
        assert copied.model(name).job.state_ttl == original.model(name).job.state_ttl
        assert copied.model(name).columns == original.model(name).columns
        assert [flow.sql for flow in copied.model(name).flows] == [flow.sql for flow in original.model(name).flows]
