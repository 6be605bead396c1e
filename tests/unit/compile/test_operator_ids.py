"""Which ids a new compiled plan takes over. The plans are Flink's own, of small tables, shortened."""

import copy
import json
from pathlib import Path

from headwater.compile.operator_ids import Plan, adopted, numbered, source_table

PLANS = Path(__file__).parent / "plans"


def plan(name: str) -> Plan:
    return json.loads((PLANS / f"{name}.json").read_text())


def scans(compiled: Plan) -> dict[str, list[int]]:
    """Ids of the scans of each topic or table."""
    found: dict[str, list[int]] = {}
    for node in compiled["nodes"]:
        table = source_table(node)
        if table is not None:
            found.setdefault(table.split(".")[-1].strip("`").split("__")[0], []).append(node["id"])
    return found


def ids(compiled: Plan, kind: str) -> list[int]:
    return [node["id"] for node in compiled["nodes"] if node["type"] == f"stream-exec-{kind}_1"]


def all_ids(compiled: Plan) -> list[int]:
    return [node["id"] for node in compiled["nodes"]]


def renumbered(compiled: Plan, by: int) -> Plan:
    """The same plan as the gateway would compile it again."""
    again = copy.deepcopy(compiled)
    for node in again["nodes"]:
        node["id"] += by
    for edge in again["edges"]:
        edge["source"] += by
        edge["target"] += by
    return again


def test_a_first_plan_is_numbered_from_one_with_its_edges() -> None:
    compiled = plan("two_flows")
    first = numbered(compiled)
    assert all_ids(first) == [1, 2, 3, 4, 5, 6]
    assert [(edge["source"], edge["target"]) for edge in first["edges"]] == [(1, 2), (3, 4), (2, 5), (4, 5), (5, 6)]
    assert compiled == plan("two_flows")


def test_the_same_sql_compiled_again_is_the_same_plan() -> None:
    running = numbered(plan("three_flows"))
    assert adopted(renumbered(plan("three_flows"), 1000), running) == running
    assert numbered(renumbered(plan("three_flows"), 1000)) == running


def test_an_added_flow_leaves_the_others_their_ids_and_gets_new_ones() -> None:
    running = numbered(plan("two_flows"))
    wider = adopted(plan("three_flows"), running)
    before, after = scans(running), scans(wider)
    assert {name: after[name] for name in before} == before
    assert ids(wider, "sink") == ids(running, "sink")
    assert not {*after["third"]} & {*all_ids(running)}


def test_a_removed_flow_leaves_the_others_their_ids() -> None:
    running = numbered(plan("three_flows"))
    narrower = adopted(plan("two_flows"), running)
    before = scans(running)
    assert scans(narrower) == {name: before[name] for name in ("left", "right")}
    assert ids(narrower, "sink") == ids(running, "sink")


def test_a_flow_that_comes_back_does_not_get_the_id_of_what_took_its_place() -> None:
    three = numbered(plan("three_flows"))
    two = adopted(plan("two_flows"), three)
    again = adopted(plan("three_flows"), two)
    assert not {*scans(again)["third"]} & {*all_ids(two)}
    assert len({*all_ids(again)}) == len(all_ids(again))


def test_flows_in_another_order_keep_their_ids() -> None:
    running = numbered(plan("two_flows"))
    assert scans(adopted(plan("two_flows_reordered"), running)) == scans(running)


def test_a_changed_expression_keeps_the_ids_of_sources_and_sink() -> None:
    running = numbered(plan("two_flows"))
    changed = adopted(plan("two_flows_changed"), running)
    assert scans(changed) == scans(running)
    assert ids(changed, "sink") == ids(running, "sink")


def test_two_scans_of_one_table_are_told_apart_by_what_they_take_from_it() -> None:
    running = numbered(plan("totals"))
    again = adopted(plan("totals_reordered"), running)
    assert {*scans(again)["things"]} == {*scans(running)["things"]}
    of_amount = {
        n["id"] for p in (running, again) for n in p["nodes"] if "`amount`" in json.dumps(n) and source_table(n)
    }
    assert len(of_amount) == 1


def test_scans_keep_their_ids_when_columns_of_the_table_move() -> None:
    running = numbered(plan("totals"))
    moved = adopted(plan("totals_wider_input"), running)
    assert scans(moved) == scans(running)
    assert ids(moved, "group-aggregate") == ids(running, "group-aggregate")


def test_a_source_of_another_table_is_never_taken_for_the_one_before() -> None:
    running = numbered(plan("log"))
    other = adopted(plan("log_other"), running)
    assert not {*scans(other)["right"]} & {*all_ids(running)}
    assert ids(other, "sink") == ids(running, "sink")


def test_two_sources_that_cannot_be_told_apart_are_new() -> None:
    running = numbered(plan("totals"))
    twins = copy.deepcopy(running)
    scan = next(node for node in twins["nodes"] if source_table(node))
    for node in twins["nodes"]:
        if source_table(node):
            node["scanTableSource"] = scan["scanTableSource"]
    for node in (again := renumbered(twins, 100))["nodes"]:
        node["scanTableSource"] = node.get("scanTableSource")
        if node["scanTableSource"] is None:
            del node["scanTableSource"]
    assert not {*scans(adopted(again, twins))["things"]} & {*all_ids(twins)}


def test_an_id_is_never_given_twice() -> None:
    names = [file.stem for file in PLANS.glob("*.json")]
    assert len(names) > 10
    for old in names:
        for new in names:
            taken = all_ids(adopted(plan(new), numbered(plan(old))))
            assert len({*taken}) == len(taken), (old, new)


def test_a_source_keeps_its_id_when_it_reads_other_columns_of_its_table() -> None:
    running = numbered(plan("log"))
    other = renumbered(running, 100)
    for node in other["nodes"]:
        if source_table(node):
            node["scanTableSource"]["abilities"] = ["other columns"]
    assert scans(adopted(other, running)) == scans(running)


def test_operators_that_do_the_same_are_told_apart_by_what_stands_above_them() -> None:
    def scan(number: int, table: str, place: int) -> dict[str, object]:
        source = {"table": {"identifier": table}, "abilities": [{"projectedFields": [[place]]}]}
        return {"id": number, "type": "stream-exec-table-source-scan_1", "scanTableSource": source}

    def two_sums(first: str, second: str, place: int) -> Plan:
        sums = [{"id": number, "type": "stream-exec-group-aggregate_1"} for number in (2, 4)]
        edges = [{"source": 1, "target": 2}, {"source": 3, "target": 4}]
        return {"nodes": [scan(1, first, place), scan(3, second, place), *sums], "edges": edges}

    again = adopted(renumbered(two_sums("b", "a", place=7), 100), two_sums("a", "b", place=0))
    table_of = {node["id"]: source_table(node) for node in again["nodes"]}
    assert {table_of[edge["source"]]: edge["target"] for edge in again["edges"]} == {"a": 2, "b": 4}
