"""Judge a change: which operators go on from their state, and what that means for the rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from headwater.compile.operator_ids import Plan, adopted
from headwater.verdict.comparison import Comparison, Pairs, whole
from headwater.verdict.edits import (
    alike,
    branch_edits,
    operator_edits,
    origin,
    table_name,
    title,
    unequal,
)
from headwater.verdict.expressions import Expression, shown
from headwater.verdict.graph import PlanGraph, View
from headwater.verdict.operators import times_to_live
from headwater.verdict.verdict import Finding, Outcome, Verdict

# Operators that act on the watermark: when it moves otherwise, so do their results.
_BY_TIME = ("window", "interval-join", "temporal-join", "over", "match", "temporal-sort", "process-table-function")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The new plan with the running plan's ids where its operators go on, and what that means.

    Args:
        plan: To deploy.
        verdict: On deploying it from the running plan's state.
    """

    plan: Plan
    verdict: Verdict


def judge(plan: Plan, running: Plan, *, keyed: bool) -> Judgement:
    """Match a new compiled plan to the running one and say what deploying it from that one's state means.

    Args:
        plan: The new plan, as Flink compiled it.
        running: The plan that the state was written with.
        keyed: Rows that are written again replace themselves. Without a key they would be there twice.
    """
    comparison = Comparison(PlanGraph(plan), PlanGraph(running))
    pairs = comparison.pairs()
    deployed = adopted(plan, running, pairs)
    numbers = [node["id"] for node in plan["nodes"]]
    continued = dict(zip(numbers, (node["id"] for node in deployed["nodes"]), strict=True))
    scans = {scan: continued[scan] for scan in comparison.new.scans if continued[scan] in comparison.old.nodes}
    findings = [
        *_state_findings(comparison, pairs, scans),
        *_reading_findings(comparison, scans, keyed=keyed),
        *_sink_findings(comparison, scans),
        *_topic_findings(comparison),
    ]
    if plan.get("flinkVersion") != running.get("flinkVersion"):
        edit = f"compiled by Flink {running.get('flinkVersion')} before, by {plan.get('flinkVersion')} now"
        findings.append(Finding(Outcome.REBUILD, "every operator", edit))
    findings.sort(key=lambda finding: -finding.outcome.severity)
    kept = tuple(title(comparison.new, number) for number in comparison.new.stateful if number in pairs)
    return Judgement(deployed, Verdict(tuple(dict.fromkeys(findings)), kept, is_same=deployed == running))


def _state_findings(comparison: Comparison, pairs: Pairs, scans: Mapping[int, int]) -> Iterable[Finding]:
    new, old = comparison.new, comparison.old
    left = [number for number in old.stateful if number not in pairs.values()]
    for number in new.stateful:
        if number in pairs:
            yield from _kept_findings(comparison, number, pairs[number], scans)
            continue
        before = next((found for found in left if alike(comparison, number, found)), None)
        if before is not None:
            left.remove(before)
            edits = "; ".join(operator_edits(comparison, number, before))
            yield Finding(Outcome.REBUILD, title(new, number), edits)
        elif new.above(number) & scans.keys():
            edit = "is new, and would miss the rows that its input has already given"
            yield Finding(Outcome.REBUILD, title(new, number), edit)
        else:
            yield Finding(Outcome.COMPATIBLE, title(new, number), "is new, over input that is read from its start")
    for before in left:
        yield Finding(Outcome.MEANING_CHANGES, title(old, before), "is no longer there; its state is dropped")


def _kept_findings(comparison: Comparison, number: int, before: int, scans: Mapping[int, int]) -> Iterable[Finding]:
    new, old = comparison.new, comparison.old
    match = comparison.same_operator(number, before)
    for scan in sorted(match.joined & scans.keys()) if match else ():
        edit = f"reads {origin(new, scan)} once more, and would miss the rows that it has already given"
        yield Finding(Outcome.REBUILD, title(new, number), edit)
    for condition in match.narrowed if match else ():
        edit = f"condition {shown(condition, {})} on its key is new; rows of keys that do not meet it stay"
        yield Finding(Outcome.MEANING_CHANGES, title(new, number), edit)
    kept, then = times_to_live(new.nodes[number]), times_to_live(old.nodes[before])
    if kept != then:
        yield Finding(
            _outcome_of_ttl(kept, then), title(new, number), f"its state was kept {_ttl(then)}, is kept {_ttl(kept)}"
        )
    if any(part in new.kind(number) for part in _BY_TIME):
        for scan in new.above(number) & scans.keys():
            if new.watermark(scan) != old.watermark(scans[scan]):
                edit = f"the watermark of {origin(new, scan)} changes, and with it which rows come too late"
                yield Finding(Outcome.MEANING_CHANGES, title(new, number), edit)


def _outcome_of_ttl(kept: Sequence[timedelta], then: Sequence[timedelta]) -> Outcome:
    """Flink 2.0 stores a time with each state that has one, and cannot read the one form as the other (FLINK-32955)."""
    if any(bool(now) != bool(before) for now, before in zip(kept, then, strict=True)):
        return Outcome.REBUILD
    longer = any(now > before for now, before in zip(kept, then, strict=True))
    return Outcome.MEANING_CHANGES if longer else Outcome.COMPATIBLE


def _ttl(times: Sequence[timedelta]) -> str:
    return ", ".join(f"for {time}" if time else "for ever" for time in dict.fromkeys(times))


def _reading_findings(comparison: Comparison, scans: Mapping[int, int], *, keyed: bool) -> Iterable[Finding]:
    new, old = comparison.new, comparison.old
    started = {new.table(scan) for scan in new.scans if scan not in scans}
    ended = {old.table(scan) for scan in old.scans if scan not in scans.values()}
    for table in sorted(table for table in started if table is not None):
        name = table_name(table)
        if table in ended and not keyed:
            edit = "would be read again from its start, and its rows written twice"
            yield Finding(Outcome.REBUILD, f"source {name}", edit)
        elif table in ended:
            yield Finding(Outcome.COMPATIBLE, f"source {name}", "is read again from its start")
        else:
            yield Finding(Outcome.COMPATIBLE, f"source {name}", "is read too, from its start")
    for table in sorted(table for table in ended - started if table is not None):
        edit = "is read no longer; the rows that came of it stay"
        yield Finding(Outcome.MEANING_CHANGES, f"source {table_name(table)}", edit)


def _sink_findings(comparison: Comparison, scans: Mapping[int, int]) -> Iterable[Finding]:
    """Edits below the last state: they change the rows written from now on. Branches read from their start do not."""
    new, old = comparison.new, comparison.old
    names, names_before = new.names(new.sink), old.names(old.sink)
    common = [name for name in names if name in names_before]
    view = _columns(new, [names.index(name) for name in common])
    earlier = _columns(old, [names_before.index(name) for name in common])
    edited, came, _ = unequal(comparison, view, earlier)
    for branch, before in edited:
        if _is_edited_above(comparison, branch, before):
            continue
        for edit in branch_edits(comparison, branch, before, common):
            yield Finding(Outcome.MEANING_CHANGES, "sink", edit)
    for branch in came:
        for scan in sorted(new.above(branch.node) & scans.keys()):
            edit = f"takes rows of {origin(new, scan)} once more; those already given stay as they are"
            yield Finding(Outcome.MEANING_CHANGES, "sink", edit)
    for name in (name for name in names if name not in names_before):
        branches = new.branches(_columns(new, [names.index(name)]))
        if any(new.above(branch.node) & scans.keys() and not _is_null(branch.columns[0]) for branch in branches):
            edit = f"column {name} is new; rows written before have NULL in it"
            yield Finding(Outcome.MEANING_CHANGES, "sink", edit)


def _topic_findings(comparison: Comparison) -> Iterable[Finding]:
    """A topic is beside the table: to write it or not changes nothing of the table's rows, nor of any state."""
    written, before = bool(comparison.new.topics), bool(comparison.old.topics)
    if written and not before:
        edit = "is written too, from now on: it lacks rows that do not change any more"
        yield Finding(Outcome.COMPATIBLE, "topic", edit)
    elif before and not written:
        yield Finding(Outcome.COMPATIBLE, "topic", "is no longer written; its records stay")


def _is_edited_above(comparison: Comparison, branch: View, before: View) -> bool:
    """The edit is in the state, and has its finding there."""
    return comparison.new.table(branch.node) is None and comparison.same_operator(branch.node, before.node) is None


def _columns(graph: PlanGraph, places: Iterable[int]) -> View:
    everything = whole(graph)
    return View(everything.node, tuple(everything.columns[place] for place in places))


def _is_null(expression: Expression) -> bool:
    """A typed NULL, which a flow gives for the columns of other flows."""
    if expression.get("kind") == "CALL" and expression.get("internalName") == "$CAST$1":
        return _is_null(expression["operands"][0])
    return expression.get("kind") == "LITERAL" and expression.get("value") is None and "symbol" not in expression
