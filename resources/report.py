"""Running a report: pin the inputs, tag them, compute in DuckDB, replace the partitions, untag."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headwater.batch import BatchRun, Literal, Partition, PartitionResult, PinnedInput, ReportResult
from headwater.calendar import LOCAL_DAY, LocalDay, local_day
from headwater.duckdb_sql import translate
from headwater.model import Market, Model, TableName
from headwater.problem import HeadwaterError
from headwater.pushdown import scans
from headwater.sqltype import SqlType
from headwater.stack import Stack
from resources.checks.blocking import refuse_blocked
from resources.declarations import warehouse
from resources.duckdb import MEMORY_LIMIT, Session
from resources.paimon import tags
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import PARTITION_KEYS, declared_schema, ensure_table, replace_partitions, writing
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
    markets: Sequence[Market] | None = None,
    at: Mapping[TableName, int] | None = None,
    memory_limit: str = MEMORY_LIMIT,
    patience: float = PATIENCE,
) -> ReportResult:
    """Compute these partitions of a report and write them, in one commit. Again gives the same rows.

    Args:
        partitions: Each is a local day of a market; a day that is not over is computed, and said to be incomplete.
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
    wanted = tuple(dict.fromkeys(partitions))
    if not wanted:
        raise HeadwaterError(f"No partition of {model.name} was asked for", next_command="name a date and a market")
    days = _local_days(wanted, markets if markets is not None else load_markets(stack))
    with writing(stack.home, model.name, patience):
        began = datetime.now(UTC)
        ensure_table(stack.lake, model)
        run = BatchRun(tags.new_run_id(), model.name, wanted, pin(FilesystemTableStore(stack.lake), model, at or {}))
        with tags.protected(stack.lake, run) as tag:
            rows = _compute(stack, model, run, days, tag, memory_limit)
        _refuse_stray_rows(model, rows, wanted)
        properties = {
            "headwater.run": run.id,
            "headwater.inputs": " ".join(f"{pinned.table}={pinned.snapshot.id}" for pinned in run.inputs),
        }
        snapshot_id = replace_partitions(stack.lake, model.name, rows, wanted, properties)
    results = _results(run, rows, days, began)
    seconds = time.monotonic() - started
    _log.info(
        "%s: %d partitions, %d rows, snapshot %d, %.1f s", model.name, len(wanted), rows.num_rows, snapshot_id, seconds
    )
    return ReportResult(run, results, snapshot_id, seconds, time.process_time() - worked)


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
    if model.is_report and len(model.flows) == 1 and model.partition_by == PARTITION_KEYS:
        return
    if not model.is_report:
        raise HeadwaterError(
            f"{model.name} is not a report: its Flink job keeps it up to date",
            left="nothing was written",
            next_command="headwater apply starts its job; only rpt tables are computed by partition",
        )
    raise HeadwaterError(
        f"{model.name} must have one SELECT and partition_by: [{', '.join(PARTITION_KEYS)}]",
        next_command=f"correct {model.file}",
    )


def load_markets(stack: Stack) -> tuple[Market, ...]:
    """The markets that the stack's warehouse declares."""
    return warehouse(stack).markets


def _local_days(partitions: Sequence[Partition], markets: Sequence[Market]) -> dict[Partition, LocalDay]:
    by_code = {market.code: market for market in markets}
    unknown = sorted({part.market for part in partitions if part.market not in by_code})
    if unknown:
        raise HeadwaterError(
            f"There is no market {', '.join(unknown)}; there are {', '.join(by_code) or 'none'}",
            next_command="correct the market, or add it to markets.yaml",
        )
    return {part: local_day(by_code[part.market], part.local_date) for part in partitions}


def _compute(
    stack: Stack, model: Model, run: BatchRun, days: Mapping[Partition, LocalDay], tag: str, memory_limit: str
) -> "pyarrow.Table":
    """The run's rows, with the columns and types that the model declares."""
    store = FilesystemTableStore(stack.lake)
    columns: dict[TableName, dict[str, SqlType]] = {}
    for pinned in run.inputs:
        table = store.table(pinned.table)
        assert table is not None
        columns[pinned.table] = {column.name: column.type for column in table.columns}
    flow = model.flows[0]
    translation = translate(flow.sql, columns, flow.file)
    needs = scans(translation.tree, {name: tuple(types) for name, types in columns.items()}, _bounds(days))
    tables = [
        PinnedTable(
            stack.lake, pinned.table, pinned.snapshot.id, needs[pinned.table].columns, needs[pinned.table].where, tag
        )
        for pinned in run.inputs
    ]
    with Session(tables, memory_limit=memory_limit) as session:
        session.prepare(*_calendar_statements(days))
        found = session.arrow(translation.sql)
    return conform(model.name, found, declared_schema(model))


def _bounds(days: Mapping[Partition, LocalDay]) -> dict[str, tuple[Literal, ...]]:
    return {
        "market": tuple(part.market for part in days),
        "local_date": tuple(part.local_date for part in days),
        "starts_at": tuple(day.starts_at for day in days.values()),
        "ends_at": tuple(day.ends_at for day in days.values()),
    }


def _calendar_statements(days: Mapping[Partition, LocalDay]) -> tuple[str, ...]:
    schema = LOCAL_DAY.partition(".")[0]
    rows = ", ".join(
        f"('{part.market}', DATE '{part.local_date}', TIMESTAMPTZ '{day.starts_at}', TIMESTAMPTZ '{day.ends_at}')"
        for part, day in days.items()
    )
    columns = "market VARCHAR, local_date DATE, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ"
    return (
        f"CREATE SCHEMA IF NOT EXISTS {schema}",
        f"CREATE TABLE {LOCAL_DAY} ({columns})",
        f"INSERT INTO {LOCAL_DAY} VALUES {rows}",
    )


def _partition_counts(rows: "pyarrow.Table") -> dict[Partition, int]:
    counted = rows.group_by(list(PARTITION_KEYS)).aggregate([([], "count_all")]).to_pylist()
    return {Partition(row["market"], row["local_date"]): row["count_all"] for row in counted}


def _refuse_stray_rows(model: Model, rows: "pyarrow.Table", wanted: Sequence[Partition]) -> None:
    stray = set(_partition_counts(rows)) - set(wanted)
    if stray:
        raise HeadwaterError(
            f"{model.name} gave rows for {min(stray)}, which is not among the partitions being computed",
            left="nothing was written",
            next_command=f"join {LOCAL_DAY} on market, starts_at and ends_at, and select its market and local_date",
        )


def _results(
    run: BatchRun, rows: "pyarrow.Table", days: Mapping[Partition, LocalDay], began: datetime
) -> tuple[PartitionResult, ...]:
    counts = _partition_counts(rows)
    watermarks = [pinned.snapshot.watermark for pinned in run.inputs if pinned.snapshot.watermark is not None]
    known_to = min([began, *watermarks])
    return tuple(
        PartitionResult(part, day.starts_at, day.ends_at, counts.get(part, 0), day.ends_at <= known_to)
        for part, day in days.items()
    )
