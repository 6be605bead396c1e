"""Running a report: pin the inputs, tag them, compute in DuckDB, replace the partitions, untag."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headwater.batch import BatchRun, Partition, PartitionResult, PinnedInput, ReportResult, Served
from headwater.calendar import Span, calendar_name, calendar_row, period, span
from headwater.duckdb_sql import translate
from headwater.edition import Cause, Edition, Written, cause, declared_as, properties
from headwater.model import Market, Model, TableName
from headwater.problem import HeadwaterError
from headwater.pushdown import scans
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.calendar import bounds, statements
from resources.checks.blocking import refuse_blocked
from resources.declarations import warehouse
from resources.duckdb import MEMORY_LIMIT, Session
from resources.editions import Contents, gaps, newest, rows_of
from resources.paimon import tags
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import declared_schema, ensure_table, replace_partitions, writing
from resources.result_types import conform

if TYPE_CHECKING:
    import pyarrow

_log = logging.getLogger(__name__)
# Runs of the markets in one zone start at the same minute and write the same table, one after the other.
PATIENCE = 900.0


def run_report(
    stack: Stack,
    model: Model,
    partitions: Sequence[Partition],
    *,
    asked: bool = True,
    only_corrections: bool = False,
    markets: Sequence[Market] | None = None,
    at: Mapping[TableName, int] | None = None,
    memory_limit: str = MEMORY_LIMIT,
    patience: float = PATIENCE,
) -> ReportResult:
    """Compute these partitions of a report and write them, in one commit. Again gives the same rows.

    Args:
        partitions: Each is a local day or month of a market, as the report declares; one that is not over is
            computed, and said to be incomplete.
        asked: A person asked for it, and not the schedule; it is the reason that is kept with what is written.
        only_corrections: Leave alone what has not been made yet, and what comes out as it is.
        markets: The warehouse's markets; loaded from the stack's warehouse when left out.
        at: Snapshots to read instead of the newest.
        memory_limit: Of DuckDB.
        patience: Seconds to wait for another run that writes this table.

    Raises HeadwaterError, with nothing written, when a blocking check of an input fails; when an input is missing, not
    committed to, expired or not readable;
    when the SQL cannot be run by DuckDB or gives other columns than declared; when another run does not end in time.
    """
    started, worked = time.monotonic(), time.process_time()
    refuse_other_than_report(model)
    refuse_blocked(stack, model)
    if not partitions:
        raise HeadwaterError(f"No partition of {model.name} was asked for", next_command="name a date and a market")
    spans = _spans(model, tuple(dict.fromkeys(partitions)), markets if markets is not None else load_markets(stack))
    store = FilesystemTableStore(stack.lake)
    with writing(stack.home, model.name, patience):
        began = datetime.now(UTC)
        ensure_table(stack.lake, model)
        before, inputs = newest(store, model.name), pin(store, model, at or {})
        if only_corrections:
            spans = {part: within for part, within in spans.items() if _may_differ(before.get(part), model, inputs)}
        run = BatchRun(tags.new_run_id(), model.name, tuple(spans), inputs)
        results: tuple[PartitionResult, ...] = ()
        served: Mapping[TableName, Served] = {}
        snapshot_id = None
        if spans:
            with tags.protected(stack.lake, run) as tag:
                rows, served = _compute(stack, model, run, spans, tag, memory_limit)
            contents = Contents(model.grain, rows)
            _refuse_stray_rows(model, contents, spans)
            results = _results(store, run, contents, spans, began)
            written = _written(store, model, results, contents, before, asked and not only_corrections)
            if only_corrections:
                written = [each for each in written if _is_correction(each, before[each.partition])]
            results, snapshot_id = _commit(stack, model, run, contents, results, written)
    seconds, cpu = time.monotonic() - started, time.process_time() - worked
    result = ReportResult(run, results, snapshot_id, seconds, cpu, served)
    _log.info("%s: %d partitions, %d rows, %.1f s", model.name, len(results), result.rows, result.seconds)
    return result


def _commit(
    stack: Stack,
    model: Model,
    run: BatchRun,
    contents: Contents,
    results: Sequence[PartitionResult],
    written: Sequence[Written],
) -> tuple[tuple[PartitionResult, ...], int | None]:
    """Write these of the results, in one commit, with their reasons; give them, and the snapshot if there is one."""
    reasons = {each.partition: each.reason for each in written}
    if not reasons:
        return (), None
    kept = properties(run.id, _snapshots(run.inputs), declared_as(model), written)
    rows = contents.only(reasons)
    snapshot_id = replace_partitions(stack.lake, model.name, rows, model.partition_by, tuple(reasons), kept)
    chosen = (each for each in results if each.partition in reasons)
    return tuple(replace(each, reason=reasons[each.partition]) for each in chosen), snapshot_id


def _snapshots(inputs: Sequence[PinnedInput]) -> dict[TableName, int]:
    return {pinned.table: pinned.snapshot.id for pinned in inputs}


def _may_differ(before: Edition | None, model: Model, inputs: Sequence[PinnedInput]) -> bool:
    """A partition that was made could come out otherwise now."""
    if before is None:
        return False
    same = before.declared == declared_as(model) and before.inputs == _snapshots(inputs)
    return not (same and before.written.complete)


def _written(
    store: FilesystemTableStore,
    model: Model,
    results: Sequence[PartitionResult],
    contents: Contents,
    before: Mapping[Partition, Edition],
    asked: bool,
) -> list[Written]:
    """What is to be kept of each partition: why it is written, and what that changes."""
    old = Contents(model.grain, rows_of(store, model.name, [each.partition for each in results]))
    declared = declared_as(model)
    made = {each.partition for each in results if each.partition in before or old.count(each.partition)}
    return [
        Written(
            each.partition,
            each.rows,
            each.complete,
            # Rows without an edition were made so long ago that it has expired.
            Cause.ASKED
            if asked and each.partition in made
            else cause(each.complete, declared, before.get(each.partition)),
            contents.change_since(old, each.partition) if each.partition in made else None,
        )
        for each in results
    ]


def _is_correction(written: Written, before: Edition) -> bool:
    """It is worth an edition: rows differ, or it has become complete, which is news to the reports that read it.

    An input that has been set back, while it is made anew, does not take back what was complete.
    """
    if written.complete != before.written.complete:
        return written.complete
    return written.change is None or not written.change.same


def pin(store: FilesystemTableStore, model: Model, at: Mapping[TableName, int]) -> tuple[PinnedInput, ...]:
    """One snapshot of everything the model reads. Raises HeadwaterError when a table has none."""
    stray = [name for name in at if name not in model.reads]
    if stray:
        raise HeadwaterError(f"{model.name} does not read {stray[0]}", next_command="leave that snapshot out")
    inputs = []
    for name in model.reads:
        snapshot = store.snapshot(name, at[name]) if name in at else store.latest_snapshot(name)
        if snapshot is None:
            raise HeadwaterError(
                f"{model.name} reads {name}, which has no snapshot yet",
                left="nothing was written",
                next_command="headwater status, to see whether its job runs",
            )
        inputs.append(PinnedInput(name, snapshot))
    return tuple(inputs)


def refuse_other_than_report(model: Model) -> None:
    """Raise HeadwaterError for a model that is not kept by report runs."""
    if model.is_report and len(model.flows) == 1 and model.partition_by == ("market", model.grain.column):
        return
    if not model.is_report:
        raise HeadwaterError(
            f"{model.name} is not a report: its Flink job keeps it up to date",
            left="nothing was written",
            next_command="headwater apply starts its job; only rpt tables are computed by partition",
        )
    raise HeadwaterError(
        f"{model.name} must have one SELECT and partition_by: [market, local_date] or [market, local_month]",
        next_command=f"correct {model.file}",
    )


def load_markets(stack: Stack) -> tuple[Market, ...]:
    """The markets that the stack's warehouse declares."""
    return warehouse(stack).markets


def _spans(model: Model, partitions: Sequence[Partition], markets: Sequence[Market]) -> dict[Partition, Span]:
    by_code = {market.code: market for market in markets}
    unknown = sorted({part.market for part in partitions if part.market not in by_code})
    if unknown:
        raise HeadwaterError(
            f"There is no market {', '.join(unknown)}; there are {', '.join(by_code) or 'none'}",
            next_command="correct the market, or add it to markets.yaml",
        )
    for part in partitions:
        if part.grain is not model.grain or part.local_date != period(part.local_date, part.grain):
            raise HeadwaterError(
                f"{model.name} is made by {model.grain.value}s, and {part} is none",
                next_command=f"name a {model.grain.value}",
            )
    return {part: span(by_code[part.market], part) for part in partitions}


def _compute(
    stack: Stack, model: Model, run: BatchRun, spans: Mapping[Partition, Span], tag: str, memory_limit: str
) -> "tuple[pyarrow.Table, Mapping[TableName, Served]]":
    """The run's rows, with the columns and types that the model declares, and how each input was read."""
    store = FilesystemTableStore(stack.lake)
    columns: dict[TableName, dict[str, SqlType]] = {}
    for pinned in run.inputs:
        table = store.table(pinned.table)
        assert table is not None
        columns[pinned.table] = {column.name: column.type for column in table.columns}
    flow = model.flows[0]
    translation = translate(flow.sql, columns, flow.file)
    calendar, rows = calendar_name(model.grain), [calendar_row(part, within) for part, within in spans.items()]
    known = {name: tuple(types) for name, types in columns.items()}
    needs = scans(translation.tree, known, bounds({calendar: rows}))
    tables = [
        PinnedTable(
            stack.lake, pinned.table, pinned.snapshot.id, needs[pinned.table].columns, needs[pinned.table].where, tag
        )
        for pinned in run.inputs
    ]
    with Session(tables, memory_limit=memory_limit) as session:
        session.prepare(*statements({calendar: rows}))
        found = session.arrow(translation.sql)
    return conform(model.name, found, declared_schema(model)), {table.name: table.served for table in tables}


def _refuse_stray_rows(model: Model, contents: Contents, wanted: Mapping[Partition, Span]) -> None:
    stray = set(contents) - set(wanted)
    if stray:
        raise HeadwaterError(
            f"{model.name} gave rows for {min(stray)}, which is not among the partitions being computed",
            left="nothing was written",
            next_command=f"join {calendar_name(model.grain)} on market, starts_at and ends_at, and select its market"
            f" and {model.grain.column}",
        )


def _results(
    store: FilesystemTableStore,
    run: BatchRun,
    contents: Contents,
    spans: Mapping[Partition, Span],
    began: datetime,
) -> tuple[PartitionResult, ...]:
    watermarks = [pinned.snapshot.watermark for pinned in run.inputs if pinned.snapshot.watermark is not None]
    known_to = min([began, *watermarks])
    lacking = set().union(*(gaps(store, pinned, run.partitions) for pinned in run.inputs))
    return tuple(
        PartitionResult(part, *within, contents.count(part), within.ends_at <= known_to and part not in lacking)
        for part, within in spans.items()
    )
