"""Backfills of tables that streams keep, as a job to launch: its run shows the stages, the commits and what differed.

These tables have no partitions in Dagster: a job keeps all of a table, and edges between days of different zones do not
load. So the days are the run's configuration. Reports have partitions, and are backfilled as Dagster does.
"""

from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from assets.metadata import present
from assets.naming import table_key
from assets.resources import BACKFILLER, Backfiller
from headwater.backfill.build import DAYS_AT_ONCE, REACH, Request
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.model import TableName, Warehouse
from headwater.problem import HeadwaterError

if TYPE_CHECKING:
    from resources.backfill.table import Written

JOB = "backfill"


class Effect(Enum):
    """What is done to the rows, as `headwater backfill --kind` takes it."""

    fill = "fill"
    correct = "correct"
    replace = "replace"


class BackfillConfig(dg.Config):
    """Which days of which table, and how; as the options of `headwater backfill`."""

    table: str = Field(description="A table that a stream keeps, as dwd.orders.")
    first: str = Field(description="First day, as 2026-11-01, UTC as the table's own columns say it.")
    last: str = Field(description="Last day, included.")
    kind: Effect = Field(
        default=Effect.correct,
        description="fill: add missing rows. correct: write rows that differ. replace: whole partitions.",
    )
    markets: list[str] = Field(default=[], description="Only these markets; all when empty.")
    downstream: bool = Field(default=True, description="Look at the tables that depend on it, too.")
    reach: int = Field(default=REACH, ge=0, description="Days more, on either side, downstream.")
    days_at_once: int = Field(default=DAYS_AT_ONCE, ge=1, description="Days in one commit.")
    pause: bool = Field(
        default=False, description="Stop a job with a savepoint for the moment where it writes the same partitions."
    )
    dry_run: bool = Field(default=False, description="Tell the stages and change nothing.")


def backfill_job(warehouse: Warehouse) -> dg.JobDefinition:
    """The job. One runs at a time (its pool); the same configuration again goes on after a kill."""
    known = {str(model.name) for model in warehouse.streaming}

    @dg.op(name="backfill_table", required_resource_keys={BACKFILLER}, pool=JOB)
    def backfill_table(context: dg.OpExecutionContext, config: BackfillConfig) -> None:
        """Compute days of a stream's table by batch, write what differs, and follow the tables downstream."""
        if config.table not in known:
            raise dg.Failure(description=f"{config.table} is not kept by a stream; name one of {sorted(known)}")
        backfiller: Backfiller = getattr(context.resources, BACKFILLER)
        try:
            request = _request(config)
            if config.dry_run:
                plan = backfiller.plan(request)
                for line in (*(stage.describe() for stage in plan.stages), *plan.refusals):
                    context.log.info(line)
                return
            outcome = backfiller.run(request, context.log.info, pauses=config.pause)
        except HeadwaterError as error:
            raise dg.Failure(description=str(error)) from error
        for written in outcome.written:
            context.log_event(dg.AssetObservation(table_key(written.table), metadata=_metadata(written)))
        for made in outcome.reports:
            said = {"headwater/backfill": f"{len(made.partitions)} partitions that came out otherwise"}
            context.log_event(
                dg.AssetObservation(
                    table_key(made.run.report), metadata=present(said | {"paimon/snapshot_id": made.snapshot_id})
                )
            )
        if outcome.skipped:
            names = ", ".join(map(str, outcome.skipped))
            context.log.info(f"not looked at, since nothing was changed in what they read: {names}")

    @dg.job(name=JOB, description="Compute days of a stream's table again, as `headwater backfill` does.")
    def backfill() -> None:
        backfill_table()

    return backfill


def _request(config: BackfillConfig) -> Request:
    try:
        first, last = date.fromisoformat(config.first), date.fromisoformat(config.last)
    except ValueError as error:
        raise HeadwaterError(f"{error}", next_command="write days as 2026-11-01") from error
    if last < first:
        raise HeadwaterError(f"last, {last}, is before first, {first}", next_command="turn them round")
    return Request(
        TableName.parse(config.table),
        Kind(config.kind.value),
        Scope(first, last, tuple(config.markets)),
        config.downstream,
        config.reach,
        config.days_at_once,
    )


def _metadata(written: "Written") -> dict[str, Any]:
    return present(
        {
            "headwater/backfill": f"{written.kind.value}, {written.piece}",
            "headwater/engine": written.engine,
            "headwater/rows_same": written.difference.same,
            "headwater/rows_changed": written.difference.changed,
            "headwater/rows_missing": written.difference.missing,
            "headwater/rows_surplus": written.difference.surplus,
            "paimon/snapshot_id": written.snapshot,
            "headwater/attempts": written.attempts,
            "headwater/paused_seconds": written.paused,
            "headwater/seconds": written.seconds,
            "headwater/note": written.note or None,
        }
    )
