"""`headwater backfill` of a table that a stream keeps: the stages, shown or carried out, and what came of them."""

import json
from typing import TYPE_CHECKING, Any

import click

from headwater.stack import Stack

if TYPE_CHECKING:
    from headwater.backfill.build import Request
    from resources.backfill.run import Outcome
    from resources.backfill.table import Written


def backfill(stack: Stack, request: "Request", *, explains: bool, pauses: bool, patience: float, as_json: bool) -> None:
    """Show the stages, or carry them out. Raises HeadwaterError."""
    from resources.backfill.run import plan_backfill, run_backfill

    if explains:
        plan = plan_backfill(stack, request)
        if as_json:
            said = {"stages": [stage.describe() for stage in plan.stages], "refusals": plan.refusals}
            click.echo(json.dumps(said, indent=2))
        for number, stage in enumerate(() if as_json else plan.stages, 1):
            click.echo(f"{number:>3}. {stage.describe()}")
        for refusal in () if as_json else plan.refusals:
            click.echo(f"refused: {refusal}")
        if plan.refusals:
            raise SystemExit(1)
        return
    outcome = run_backfill(stack, request, lambda line: click.echo(line, err=True), pauses=pauses, patience=patience)
    if as_json:
        click.echo(json.dumps(document(request, outcome), indent=2))
    else:
        _print(outcome)


def document(request: "Request", outcome: "Outcome") -> dict[str, Any]:
    """What a backfill did, as JSON has it."""
    return {
        "model": str(request.model),
        "kind": request.kind.value,
        "pieces": [_piece(written) for written in outcome.written],
        "reports": [
            {"model": str(result.run.report), "snapshot": result.snapshot_id, "partitions": len(result.partitions)}
            for result in outcome.reports
        ],
        "skipped": [str(name) for name in outcome.skipped],
    }


def _piece(written: "Written") -> dict[str, Any]:
    difference = written.difference
    return {
        "model": str(written.table),
        "kind": written.kind.value,
        "from": written.piece.first.isoformat(),
        "to": written.piece.last.isoformat(),
        "markets": list(written.piece.markets),
        "engine": written.engine,
        "same": difference.same,
        "changed": difference.changed,
        "missing": difference.missing,
        "surplus": difference.surplus,
        "snapshot": written.snapshot,
        "seconds": round(written.seconds, 3),
        "attempts": written.attempts,
        "paused_seconds": round(written.paused, 3),
        "note": written.note,
    }


def _print(outcome: "Outcome") -> None:
    for written in outcome.written:
        commit = f"snapshot {written.snapshot}" if written.snapshot is not None else "nothing to write"
        paused = f", its job stopped for {written.paused:.1f} s" if written.paused else ""
        click.echo(
            f"{written.kind.value} {written.table}, {written.piece}: {written.difference}; {commit}"
            f" (by {written.engine}, {written.seconds:.1f} s{paused})"
        )
    for result in outcome.reports:
        commit = f"snapshot {result.snapshot_id}" if result.snapshot_id is not None else "nothing to write"
        click.echo(f"{result.run.report}: {len(result.partitions)} partitions, {commit}")
    if outcome.skipped:
        names = ", ".join(map(str, outcome.skipped))
        click.echo(f"not looked at, since nothing was changed in what they read: {names}")
