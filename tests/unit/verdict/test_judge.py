"""Verdicts on edits of real compiled plans. The plans are Flink's own, of pairs of the corpus in benchmarks/edits."""

import copy
import json
from pathlib import Path

import pytest

from benchmarks.corpus import corpus
from headwater.compile.operator_ids import Plan, numbered
from headwater.verdict.judge import Judgement, judge
from headwater.verdict.verdict import Outcome
from tests.unit.compile.test_operator_ids import ids, renumbered

PAIRS = {
    pair["edit"]: pair for pair in map(json.loads, map(Path.read_text, (Path(__file__).parent / "pairs").iterdir()))
}
EDITS = {edit.id: edit for edit in corpus()}


def judged(edit: str) -> Judgement:
    pair = PAIRS[edit]
    return judge(pair["after"], numbered(pair["before"]), keyed=bool(EDITS[edit].after.key))


def said(edit: str) -> list[str]:
    return [str(finding) for finding in judged(edit).verdict.findings]


@pytest.mark.parametrize("edit", sorted(PAIRS))
def test_an_edit_has_the_verdict_that_a_real_restore_has_borne_out(edit: str) -> None:
    assert judged(edit).verdict.outcome is EDITS[edit].verdict


@pytest.mark.parametrize("edit", sorted(PAIRS))
def test_a_plan_compiled_again_is_unchanged(edit: str) -> None:
    before = numbered(PAIRS[edit]["before"])
    again = judge(renumbered(PAIRS[edit]["before"], 1000), before, keyed=False)
    assert again.verdict.outcome is Outcome.UNCHANGED
    assert again.plan == before


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        ("stateless: the filter tightened", "sink: condition (5 < "),
        ("stateless: a column more", "sink: column w is new; rows written before have NULL in it"),
        ("stateless: a second flow over another topic", "source ods.right: is read too, from its start"),
        ("aggregates: an aggregate more", "GroupAggregate(groupBy=[k]): aggregate MAX("),
        ("aggregates: the aggregates in another order", "GroupAggregate(groupBy=[k]): its aggregates stand in another"),
        ("aggregates: a filter before it", "GroupAggregate(groupBy=[k]): condition (3 < "),
        ("aggregates: a filter on what it groups by", "GroupAggregate(groupBy=[k]): condition "),
        ("aggregates: a time to live", "GroupAggregate(groupBy=[k]): its state was kept for ever, is kept for 1:00:00"),
        ("windows: longer windows", "its window was TumblingWindow, PT1M, is TumblingWindow, PT2M"),
        ("windows: more lateness", "the watermark of ods.left changes"),
    ],
)
def test_a_finding_names_the_operator_and_the_edit(edit: str, finding: str) -> None:
    assert any(finding in line for line in said(edit)), said(edit)


def test_several_edits_are_each_named_and_the_gravest_decides() -> None:
    verdict = judged("aggregates: a topic more and a condition on the result").verdict
    assert [finding.outcome for finding in verdict.findings] == [Outcome.MEANING_CHANGES, Outcome.COMPATIBLE]
    assert verdict.outcome is Outcome.MEANING_CHANGES
    assert verdict.kept == ("GroupAggregate(groupBy=[k])",)


def test_an_operator_that_goes_on_takes_over_the_id_and_one_that_does_not_gets_a_new_one() -> None:
    kept, lost = judged("aggregates: a topic more, united before it"), judged("aggregates: an aggregate more")
    before = numbered(PAIRS["aggregates: an aggregate more"]["before"])
    assert ids(kept.plan, "group-aggregate") == ids(before, "group-aggregate")
    assert not {*ids(lost.plan, "group-aggregate")} & {node["id"] for node in before["nodes"]}


def test_a_count_of_rows_that_flink_keeps_behind_the_calls_anyway_keeps_their_state_whoever_asked_for_it() -> None:
    pair = PAIRS["running_sums: a count more"]
    assert judged("running_sums: a count more").verdict.kept == ("OverAggregate(partitionBy=[k])",)
    again = judge(pair["before"], numbered(pair["after"]), keyed=False)
    assert again.verdict.kept == ("OverAggregate(partitionBy=[k])",)


def test_a_count_of_rows_before_the_other_calls_is_another_order_of_accumulators() -> None:
    pair = copy.deepcopy(PAIRS["running_sums: a count more"])
    for node in pair["after"]["nodes"]:
        for group in node.get("overSpec", {}).get("groups", ()):
            group["aggCalls"].insert(0, group["aggCalls"].pop())
    assert judge(pair["after"], numbered(pair["before"]), keyed=False).verdict.kept == ()


def told(plan: Plan) -> Plan:
    """The plan with a second sink of the same rows, as Flink compiles the set of both INSERTs."""
    plan = copy.deepcopy(plan)
    (sink,) = (node for node in plan["nodes"] if "dynamicTableSink" in node)
    topic = copy.deepcopy(sink)
    topic["id"] = max(node["id"] for node in plan["nodes"]) + 1
    table = topic["dynamicTableSink"]["table"]
    table["identifier"] = table["identifier"].removesuffix("`") + "__topic`"
    (edge,) = (edge for edge in plan["edges"] if edge["target"] == sink["id"])
    # It stands first: which of the two is the table's must not depend on the order.
    return plan | {
        "nodes": [topic, *plan["nodes"]],
        "edges": [*plan["edges"], {**edge, "target": topic["id"]}],
    }


def test_a_topic_beside_the_table_changes_nothing_of_rows_and_state() -> None:
    before = PAIRS["aggregates: an aggregate more"]["before"]
    on, off = (
        judge(told(before), numbered(before), keyed=True),
        judge(before, numbered(told(before)), keyed=True),
    )
    assert [str(finding) for finding in on.verdict.findings] == [
        "topic: is written too, from now on: it lacks rows that do not change any more"
    ]
    assert [str(finding) for finding in off.verdict.findings] == ["topic: is no longer written; its records stay"]
    for judgement in (on, off):
        assert judgement.verdict.outcome is Outcome.COMPATIBLE
        assert judgement.verdict.kept == ("GroupAggregate(groupBy=[k])",)
    old = {node["id"]: node["type"] for node in numbered(before)["nodes"]}
    new = {node["id"]: node["type"] for node in on.plan["nodes"]}
    assert old.items() < new.items()
    assert judge(told(before), numbered(told(before)), keyed=True).verdict.outcome is Outcome.UNCHANGED


def test_a_source_that_is_read_on_keeps_its_id() -> None:
    before = numbered(PAIRS["partial_updates: a fact more"]["before"])
    after = judged("partial_updates: a fact more").plan
    kept = {*ids(before, "table-source-scan")}
    assert kept < {*ids(after, "table-source-scan")}


def test_a_column_of_another_type_is_kept_in_another_form() -> None:
    before = PAIRS["aggregates: another topic"]["before"]
    shorter = json.loads(json.dumps(before).replace("VARCHAR(2147483647)", "VARCHAR(10)"))
    (finding,) = judge(shorter, numbered(before), keyed=True).verdict.because(Outcome.REBUILD)
    assert "what it uses was k of type VARCHAR(2147483647), is k of type VARCHAR(10)" in finding.edit


def test_another_version_of_flink_needs_a_rebuild() -> None:
    plan = PAIRS["append: a filter"]["before"]
    verdict = judge(plan | {"flinkVersion": "2.1"}, numbered(plan), keyed=True).verdict
    assert verdict.outcome is Outcome.REBUILD
    assert str(verdict.findings[0]) == "every operator: compiled by Flink 2.0 before, by 2.1 now"


def test_a_source_that_cannot_go_on_is_not_read_again_into_a_table_without_key() -> None:
    before = numbered(PAIRS["append: a filter"]["before"])
    halves = read_in_two_halves(before)
    without_key = judge(halves, before, keyed=False).verdict
    (finding,) = without_key.because(Outcome.REBUILD)
    assert str(finding) == "source ods.left: would be read again from its start, and its rows written twice"
    with_key = judge(halves, before, keyed=True).verdict
    assert "source ods.left: is read again from its start" in map(str, with_key.findings)
    assert with_key.outcome.keeps_state


def read_in_two_halves(plan: Plan) -> Plan:
    """The plan with its one scan split into two, neither of which is the one that was."""
    halved = copy.deepcopy(plan)
    scan = next(node for node in halved["nodes"] if "scanTableSource" in node)
    edge = next(edge for edge in halved["edges"] if edge["source"] == scan["id"])
    halves = [copy.deepcopy(scan) | {"id": number} for number in (101, 102)]
    for half in halves:
        half["scanTableSource"]["abilities"].append({"type": "PartitionPushDown", "partitions": [half["id"]]})
    union = {"id": 103, "type": "stream-exec-union_1", "outputType": scan["outputType"], "description": "Union"}
    halved["nodes"] = [node for node in halved["nodes"] if node is not scan] + [*halves, union]
    halved["edges"] += [edge | {"source": half["id"], "target": union["id"]} for half in halves]
    edge["source"] = union["id"]
    return halved
