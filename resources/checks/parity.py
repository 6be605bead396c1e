"""Parity as a check: the table against its batch result, as often as it declares; see resources.parity."""

from datetime import datetime

from headwater.checks.kinds import Check, ParityCheck
from headwater.parity.verdict import Difference, Kind, Parity, Verdict
from resources.checks.look import Found, Look, Start
from resources.parity.repair import observed, repaired


def evaluate(look: Look, check: Check, asks: ParityCheck) -> Found:
    """Evaluate one such check. Raises HeadwaterError when the two cannot be compared."""
    memory = look.memory_of(check)
    if memory is not None and look.at - datetime.fromisoformat(memory.counts["at"]) < asks.every:
        before = memory.as_outcome(check)
        return look.found(
            check,
            Start(look.snapshot.id, before=before),
            before.failing,
            counted=before.counted,
            sample=before.sample,
            said=before.said,
            counts=memory.counts,
        )
    run = repaired if asks.repair else observed
    parity = run(look.stack, look.warehouse, look.model, tolerance=asks.tolerance).parity
    return look.found(
        check,
        Start(),
        parity.differing,
        counted="keys",
        sample=tuple(_row(each) for each in parity.differences),
        read=parity.rows,
        said=told(parity),
        passed=is_fine(parity, asks.repair),
        counts={"at": look.at.isoformat()},
    )


def is_fine(parity: Parity, repair: bool) -> bool:
    """Whether the check passes.

    Where late data is repaired, what is still explained by it has come since the repair began: the next look's work.
    """
    return parity.verdict is Verdict.EQUAL or (repair and parity.verdict is Verdict.LATE)


def told(parity: Parity) -> str:
    """The comparison in a line."""
    parts = [f"{parity.verdict}, {parity.rows:,} rows compared with {parity.engine}"]
    parts += [f"{parity.in_flight:,} keys in flight"] if parity.in_flight else []
    parts += [f"{parity.unclear:,} keys unclear"] if parity.unclear else []
    parts += [f"{parity.repaired:,} keys repaired"] if parity.repaired else []
    late = sum(parity.late_by_market.values())
    return ", ".join([*parts, f"{late:,} late records"] if late else parts)


def _row(difference: Difference) -> dict[str, str | None]:
    if difference.kind is not Kind.CHANGED:
        return {**difference.key, "row": difference.kind.value}
    return {
        **difference.key,
        **{name: f"{streamed}, by batch {batch}" for name, (streamed, batch) in difference.columns.items()},
    }
