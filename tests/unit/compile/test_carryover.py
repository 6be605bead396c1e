"""When a job may go on from its state under changed SQL."""

import json

import pytest

from headwater.compile.carryover import obstacles
from headwater.compile.operator_ids import adopted, numbered, source_table
from tests.unit.compile.test_operator_ids import plan


def found(new: str, running: str, *, keyed: bool = True) -> tuple[str, ...]:
    before = numbered(plan(running))
    return obstacles(adopted(plan(new), before), before, keyed=keyed)


@pytest.mark.parametrize(
    ("new", "running"),
    [
        ("three_flows", "two_flows"),
        ("two_flows", "three_flows"),
        ("two_flows_reordered", "two_flows"),
        ("two_flows_changed", "two_flows"),
        ("one_flow", "three_flows"),
        ("totals", "totals"),
        ("totals_reordered", "totals"),
        ("totals_wider_input", "totals"),
    ],
)
def test_nothing_stands_in_the_way(new: str, running: str) -> None:
    assert found(new, running) == ()


def test_a_branch_may_join_the_input_of_an_aggregate() -> None:
    assert found("totals_branch_added", "totals") == ()


@pytest.mark.parametrize(
    ("new", "running"),
    [
        ("totals_filtered", "totals"),
        ("totals_other_sum", "totals"),
        ("totals_one_branch", "totals"),
        ("totals", "totals_branch_added"),
    ],
    ids=["filter", "aggregate function", "removed branch", "removed one of three"],
)
def test_an_aggregate_that_means_something_else_does_not_go_on(new: str, running: str) -> None:
    (reason,) = found(new, running)
    assert "GroupAggregate" in reason


def test_an_aggregate_that_is_put_behind_running_sources_would_miss_what_they_gave() -> None:
    before = numbered(plan("totals"))
    bare = json.loads(json.dumps(before))
    (aggregate,) = (node for node in bare["nodes"] if node["type"] == "stream-exec-group-aggregate_1")
    aggregate["type"] = "stream-exec-calc_1"
    (reason,) = obstacles(adopted(plan("totals"), bare), bare, keyed=True)
    assert "is new, and would miss" in reason


def test_the_time_that_state_is_kept_may_change() -> None:
    before = numbered(plan("totals"))
    text = json.dumps(plan("totals"))
    longer = json.loads(text.replace('"ttl": "0 ms"', '"ttl": "3600000 ms"'))
    assert longer != plan("totals")
    assert obstacles(adopted(longer, before), before, keyed=True) == ()


def test_a_table_without_key_does_not_read_a_source_again() -> None:
    before = numbered(plan("log"))
    again = plan("log_doubled")
    for node in again["nodes"]:
        node["scanTableSource"] = node.get("scanTableSource") and {**node["scanTableSource"], "abilities": [node["id"]]}
        if not node["scanTableSource"]:
            del node["scanTableSource"]
    two = json.loads(json.dumps(again))
    scan = next(node for node in two["nodes"] if "scanTableSource" in node)
    two["nodes"].append({**scan, "id": 1, "scanTableSource": {**scan["scanTableSource"], "abilities": ["else"]}})
    new = adopted(two, before)
    assert obstacles(new, before, keyed=True) == ()
    (reason,) = obstacles(new, before, keyed=False)
    assert "left__bound" in reason
    assert "written twice" in reason


def test_a_table_without_key_may_get_another_source() -> None:
    assert found("log_other", "log", keyed=False) == ()


def test_a_branch_that_joins_over_a_running_source_would_miss_what_it_gave() -> None:
    before = numbered(plan("totals"))
    joined = adopted(plan("totals_branch_added"), before)
    old = {node["id"] for node in before["nodes"]}
    (added,) = (node["id"] for node in joined["nodes"] if source_table(node) and node["id"] not in old)
    running = next(node["id"] for node in joined["nodes"] if source_table(node) and node["id"] in old)
    joined["nodes"] = [node for node in joined["nodes"] if node["id"] != added]
    for edge in joined["edges"]:
        edge["source"] = running if edge["source"] == added else edge["source"]
    (reason,) = obstacles(joined, before, keyed=True)
    assert "over other input" in reason
