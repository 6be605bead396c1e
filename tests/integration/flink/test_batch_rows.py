"""The rows of a streaming model by batch: the same on both engines, over just the records that are pinned."""

from dataclasses import replace

import pytest

from headwater.compile.rejects import REJECTED
from headwater.loader import load
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.flink import flink_batch
from resources.batch.inputs import Inputs, pin_inputs, protected
from resources.batch.rows import BATCH, Engine, batch_rows
from resources.duckdb import Session
from tests.integration.flink.events import EVENTS, event
from tests.integration.flink.house import House


def by_flink(stack: Stack, declared: Warehouse, model: Model, inputs: Inputs) -> list[tuple]:
    with flink_batch(stack, declared, model, inputs) as table:
        assert table is not None
        with Session([table]) as session:
            return sorted(session.rows(f"SELECT * FROM {model.name}").rows)


def test_both_engines_give_the_same_rows_over_the_same_records(events: House) -> None:
    stack = events.stack
    declared = load(stack.warehouse)
    model = declared.model(events.table(EVENTS))
    events.send("event#", [event(1, 10), event(2, "many"), event(1, 11), "<html>", event(3, None), event(3, "30")])
    inputs = pin_inputs(stack, declared, model)
    events.send("event#", [event(1, 12), event(4, 40)])
    with protected(stack, model, inputs) as held, batch_rows(stack, declared, model, held) as batch:
        assert batch.engine is Engine.DUCKDB
        found = sorted(batch.session.rows(f"SELECT * FROM {BATCH}").rows)
    assert [row[:2] for row in found] == [(1, 11), (3, 30)]
    assert by_flink(stack, declared, model, inputs) == found

    # The raw bytes of rejected records are Flink's to read.
    rejects = declared.model(REJECTED)
    topics = pin_inputs(stack, declared, rejects)
    with protected(stack, rejects, topics) as held, batch_rows(stack, declared, rejects, held) as batch:
        assert batch.engine is Engine.FLINK
        sql = f"SELECT kafka_offset, reason FROM {BATCH} ORDER BY 1"
        assert batch.session.rows(sql).rows == [(1, "type:size"), (3, "not_json")]

    # Nothing is left of a computation, and one without rows is empty.
    assert list((stack.home / "batch").iterdir()) == []
    none = replace(inputs, topics=tuple(replace(topic, spans=topic.spans[:0]) for topic in inputs.topics))
    with protected(stack, model, none) as held, batch_rows(stack, declared, model, held) as batch:
        assert batch.session.rows(f"SELECT * FROM {BATCH}").rows == []


def test_a_model_over_a_table_is_computed_from_its_pinned_snapshot(counts: House) -> None:
    stack = counts.stack
    counts.apply(EVENTS)
    counts.send("event#", [event(number, number) for number in range(9)])
    counts.await_values(EVENTS, ("id",), [(number,) for number in range(9)])
    declared = load(stack.warehouse)
    model = declared.model(counts.table("dm.counts#"))
    inputs = pin_inputs(stack, declared, model)
    counts.send("event#", [event(9, 9)])
    counts.await_values(EVENTS, ("id",), [(number,) for number in range(10)])
    with protected(stack, model, inputs) as held:
        with batch_rows(stack, declared, model, held) as batch:
            assert batch.engine is Engine.DUCKDB
            found = sorted(batch.session.rows(f"SELECT * FROM {BATCH}").rows)
        assert found == [(0, 3, 9), (1, 3, 12), (2, 3, 15)]
        assert by_flink(stack, declared, model, held) == found


def test_a_model_that_needs_rows_before_changes_of_a_topic_is_refused_by_flink_batch(house: House) -> None:
    house.source("thing", "id: {type: BIGINT, required: true}\nx: {type: STRING}", form="debezium-json", key="[id]")
    house.write(
        "dwd/things#/table.yaml",
        "description: d\nowner: o\nkey: [id]\ncolumns: {id: {type: BIGINT}, x: {type: STRING}}\n",
    )
    house.write("dwd/things#/select.sql", "SELECT id, x FROM ods.thing#\n")
    declared = load(house.stack.warehouse)
    model = declared.model(house.table("dwd.things#"))
    inputs = pin_inputs(house.stack, declared, model)
    with pytest.raises(HeadwaterError, match="reads no topic of changes"):
        by_flink(house.stack, declared, model, inputs)
