"""The generated table of records that do not fit."""

from headwater.compile.binding import raw_name
from headwater.compile.rejects import REJECTED, rejected_model
from headwater.model import Merge
from headwater.sqltype import SqlType
from tests.unit.compile.declared import LEFT, RIGHT


def sql_of(model_index: int) -> str:
    return rejected_model([LEFT, RIGHT]).flows[model_index].sql


def test_it_has_a_flow_for_each_topic_and_is_keyed_by_the_records_place() -> None:
    model = rejected_model([LEFT, RIGHT])
    assert model.name == REJECTED
    assert model.is_streaming
    assert not model.is_source
    assert model.reads == (LEFT.name, RIGHT.name)
    assert model.key == ("source", "kafka_partition", "kafka_offset")
    assert model.storage is not None
    assert model.storage.merge is Merge.DEDUPLICATE
    assert model.column("received_at").type == SqlType.parse("TIMESTAMP_LTZ(3)")
    assert all(flow.raw for flow in model.flows)


def test_a_required_column_may_not_be_missing_and_any_column_may_not_be_wrong() -> None:
    sql = sql_of(0)
    assert raw_name(LEFT) in sql
    assert "'missing:id'" in sql
    assert "'type:id'" in sql
    assert "'type:amount'" in sql
    assert "'missing:amount'" not in sql
    assert ":kind'" not in sql


def test_a_change_record_is_looked_at_in_its_row_after_and_a_delete_is_never_kept() -> None:
    sql = sql_of(1)
    assert "'$.after.id'" in sql
    assert "WHEN JSON_VALUE(payload, '$.op') = 'd' THEN CAST(NULL AS STRING)" in sql
    assert "'wrong_shape'" in sql
    assert "'wrong_shape'" not in sql_of(0)
