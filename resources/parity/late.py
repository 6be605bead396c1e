"""Which differences late data explains: found by taking possibly late records away again, as the window did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headwater.batchsql.topic import ORDER, PARTITION, RECEIVED, UNCLEAR
from headwater.model import Warehouse
from headwater.parity.comparison import Comparison
from headwater.parity.windows import Windows
from headwater.problem import HeadwaterError
from resources.batch.rows import Batch, DuckBatch
from resources.parity.differing import Differing, Row

_MARKET = "market"
_ARRIVALS, _WINDOW = "arrivals", "one_window"
# Windows that are explained at one look, and moments of each at which it may have closed.
_WINDOWS, _MOMENTS = 1_000, 200


@dataclass(frozen=True, slots=True)
class LateRecord:
    """A record that came when its window had closed.

    Args:
        market: Of the row it belongs to; "" where the model has no market.
        window: Start and end.
        at: Its event time.
        payload: Its columns as JSON.
    """

    source: str
    partition: int
    offset: int
    market: str
    window: tuple[datetime, datetime]
    at: datetime
    payload: str


def explained(
    batch: Batch, declared: Warehouse, windows: Windows, comparison: Comparison, differing: Differing
) -> tuple[dict[Row, tuple[str, int]], tuple[LateRecord, ...]]:
    """The keys that late data explains, each with why and how many records it lacks; and those records.

    A key is explained when its streamed row is what the flow gives of its window without the records that came last,
    each of them possibly too late.

    Raises HeadwaterError for windows over a table, where the order of arrival is not kept, and where DuckDB does not
    run the flow.
    """
    source = declared.model(windows.source)
    if windows.unclear or batch.duck is None or source.topic is None:
        no_arrivals = f"it reads the table {windows.source}"
        why = windows.unclear or ("its rows are computed by Flink batch" if batch.duck is None else no_arrivals)
        raise HeadwaterError(
            f"{differing.count:,} keys of {comparison.model.name} differ, the first at"
            f" {next(iter(differing.rows))}, and whether late data explains them cannot be told: {why}",
            left="nothing was changed",
            next_command=f"headwater apply --rebuild {comparison.model.name} makes the table anew",
        )
    reasons: dict[Row, tuple[str, int]] = {}
    late: dict[tuple[int, int, datetime], LateRecord] = {}
    _arrivals(batch.duck, windows)
    names = [column.name for column in comparison.model.columns]
    by_window: dict[tuple[datetime, datetime], list[Row]] = {}
    for key, (streamed, batched) in differing.rows.items():
        row = dict(zip(names, streamed or batched or (), strict=True))
        by_window.setdefault((row[windows.start], row[windows.end]), []).append(key)
    for window in sorted(by_window)[:_WINDOWS]:
        open_keys = set(by_window[window])
        for kept, records in _moments(batch.duck, windows, window):
            rows = _rows(batch.duck, windows, comparison, window)
            for key in tuple(open_keys):
                streamed = differing.rows[key][0]
                if _is_same(comparison, streamed, rows.get(key)):
                    open_keys.discard(key)
                    lacking = [record for record in records[kept:] if _belongs(record, key, windows, comparison)]
                    reasons[key] = (f"{len(lacking)} records came when the window had closed", len(lacking))
                    for record in lacking:
                        found = _late_record(windows, record, window)
                        late[found.partition, found.offset, window[0]] = found
            if not open_keys:
                break
    return reasons, tuple(late.values())


def _arrivals(batch: DuckBatch, windows: Windows) -> None:
    typed = batch.typed[windows.source]
    batch.session.prepare(
        f'CREATE OR REPLACE TABLE {_ARRIVALS} AS SELECT *, max("{windows.time_column}") OVER (ORDER BY {RECEIVED},'
        f" {PARTITION}, {ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest_before\n"
        f"FROM {typed} WHERE NOT {UNCLEAR}"
    )


def _moments(
    batch: DuckBatch, windows: Windows, window: tuple[datetime, datetime]
) -> Iterator[tuple[int, Sequence[Mapping[str, Any]]]]:
    """Make the source show the window's records up to each moment at which it may have closed, the earliest first.

    Gives how many of the possibly late ones are shown, and all of those, in the order of their coming.
    """
    start, end = (_instant(each) for each in window)
    lateness = f"INTERVAL '{windows.lateness // timedelta(milliseconds=1)} milliseconds'"
    batch.session.prepare(
        f"CREATE OR REPLACE TABLE {_WINDOW} AS SELECT *, CASE WHEN is_late THEN row_number() OVER (PARTITION BY is_late"
        f" ORDER BY {RECEIVED}, {PARTITION}, {ORDER}) ELSE 0 END AS late_rank FROM (\n"
        f"SELECT *, coalesce(newest_before - {lateness} >= {end} - INTERVAL '1 millisecond', FALSE) AS is_late\n"
        f'FROM {_ARRIVALS} WHERE "{windows.time_column}" >= {start} AND "{windows.time_column}" < {end})'
    )
    columns = ", ".join(f'"{name}" := "{name}"' for name in batch.columns[windows.source])
    found = batch.session.rows(
        f"SELECT *, CAST(to_json(struct_pack({columns})) AS VARCHAR) AS payload\n"
        f"FROM {_WINDOW} WHERE is_late ORDER BY late_rank"
    )
    records = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    for kept in range(min(len(records), _MOMENTS)):
        with batch.showing(windows.source, f"late_rank <= {kept}", relation=_WINDOW):
            yield kept, records


def _rows(
    batch: DuckBatch, windows: Windows, comparison: Comparison, window: tuple[datetime, datetime]
) -> dict[Row, Row]:
    names = [column.name for column in comparison.model.columns]
    places = [names.index(name) for name in comparison.model.key]
    found = batch.session.rows(comparison.rows("batch", f'r."{windows.end}" = {_instant(window[1])}')).rows
    return {tuple(row[place] for place in places): tuple(row) for row in found}


def _is_same(comparison: Comparison, streamed: Row | None, given: Row | None) -> bool:
    if streamed is None or given is None:
        return streamed is None and given is None
    names = [column.name for column in comparison.model.columns]
    pairs = zip(names, streamed, given, strict=True)
    return not any(comparison.differs(name, one, other) for name, one, other in pairs)


def _belongs(record: Mapping[str, Any], key: Row, windows: Windows, comparison: Comparison) -> bool:
    values = dict(zip(comparison.model.key, key, strict=True))
    return all(record[theirs] == values[ours] for ours, theirs in windows.passed_on.items())


def _late_record(windows: Windows, record: Mapping[str, Any], window: tuple[datetime, datetime]) -> LateRecord:
    market = record.get(_MARKET)
    return LateRecord(
        str(windows.source),
        record[PARTITION],
        record[ORDER] // 2,
        "" if market is None else str(market),
        window,
        record[windows.time_column],
        str(record["payload"]),
    )


def _instant(value: datetime) -> str:
    kind = "TIMESTAMPTZ" if value.tzinfo else "TIMESTAMP"
    return f"{kind} '{value.isoformat()}'"
