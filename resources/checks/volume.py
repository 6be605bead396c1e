"""Volume: the newest whole local hour against the same hour of the weeks before, counted by event time.

Each hour is judged once, when the table's watermark has passed its end; a table without a watermark is taken to be
complete up to its newest commit, less the lateness that it declares. Of each week only the rows of that hour are read,
as far as the files' statistics tell them apart.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from headwater.batch import Comparison, Operator
from headwater.checks.hours import LocalHour, newest_whole_hour, same_hours_before
from headwater.checks.kinds import Check, Volume
from headwater.checks.outcome import SAMPLE, Sample
from headwater.duckdb_text import quoted, quoted_table
from headwater.engines import Snapshot
from headwater.model import Model
from resources.checks.look import Found, Look, Start
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable

_MARKET = "market"
_ALL = ""
"""Stands for the market where rows belong to none."""


def evaluate(look: Look, check: Check, asks: Volume) -> Found:
    """Evaluate one such check, of each market where the table has the column `market`, in UTC where it has not."""
    zones = _zones(look)
    until = known_to(look.model, look.snapshot)
    hours = {market: newest_whole_hour(zone, until) for market, zone in zones.items()}
    judged = {market: hour.starts_at.isoformat() for market, hour in hours.items()}
    memory = look.memory_of(check)
    if memory is not None and memory.counts == judged:
        before = memory.as_outcome(check)
        return look.found(
            check,
            Start(look.snapshot.id, before=before),
            before.failing,
            counted=before.counted,
            sample=before.sample,
            said=before.said,
            counts=judged,
        )
    weeks = [hours, *_weeks_before(zones, hours, asks.weeks)]
    counted = [_rows_in(look, week) for week in weeks]
    failing, told, rows = _judge(asks, hours, [numbers for numbers, _, _ in counted])
    return look.found(
        check,
        Start(),
        failing,
        counted="hours",
        sample=rows,
        read=sum(read for _, read, _ in counted),
        is_cut=any(was_cut for _, _, was_cut in counted),
        said=told,
        counts=judged,
    )


def known_to(model: Model, snapshot: Snapshot) -> datetime:
    """Up to when, in event time, a table is complete at a snapshot."""
    if snapshot.watermark is not None:
        return snapshot.watermark
    assert model.event_time is not None
    return snapshot.committed_at - model.event_time.lateness


def _zones(look: Look) -> Mapping[str, ZoneInfo]:
    if any(column.name == _MARKET for column in look.table.columns) and look.warehouse.markets:
        return {market.code: market.zone for market in look.warehouse.markets}
    return {_ALL: ZoneInfo("UTC")}


def _weeks_before(
    zones: Mapping[str, ZoneInfo], hours: Mapping[str, LocalHour], weeks: int
) -> Sequence[Mapping[str, LocalHour]]:
    before = {market: same_hours_before(zones[market], hour, weeks) for market, hour in hours.items()}
    return [{market: before[market][week] for market in hours} for week in range(weeks)]


def _rows_in(look: Look, hours: Mapping[str, LocalHour]) -> tuple[Mapping[str, int], int, bool]:
    """Rows of each market within its hour, the rows read for it, and whether there were more."""
    assert look.model.event_time is not None
    time = look.model.event_time.column
    by_market = _ALL not in hours
    first, last = min(hour.starts_at for hour in hours.values()), max(hour.ends_at for hour in hours.values())
    is_instant = look.model.column(time).type.root == "TIMESTAMP_LTZ"
    table = PinnedTable(
        look.stack.lake,
        look.model.name,
        look.snapshot.id,
        (time, _MARKET) if by_market else (time,),
        [
            Comparison(time, Operator.GREATER_EQUAL, (_plain(first, is_instant=is_instant),)),
            Comparison(time, Operator.LESS, (_plain(last, is_instant=is_instant),)),
        ],
        at_most=look.at_most,
    )
    market, at = (quoted(_MARKET) if by_market else f"'{_ALL}'"), quoted(time)
    with Session([table], memory_limit=look.memory_limit) as session:
        session.prepare("CREATE TABLE hours (market VARCHAR, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ)")
        values = ", ".join(
            f"('{code.replace(chr(39), chr(39) * 2)}', TIMESTAMPTZ '{hour.starts_at}', TIMESTAMPTZ '{hour.ends_at}')"
            for code, hour in hours.items()
        )
        session.prepare(f"INSERT INTO hours VALUES {values}")
        found = session.rows(
            f"SELECT h.market, COUNT(*)"
            f" FROM (SELECT {market} AS market, {at} AS at FROM {quoted_table(look.model.name)}) t"
            " JOIN hours h ON t.market = h.market AND t.at >= h.starts_at AND t.at < h.ends_at GROUP BY ALL"
        ).rows
    return dict(found), table.rows_read, table.was_cut


def _plain(at: datetime, *, is_instant: bool) -> datetime:
    return at if is_instant else at.astimezone(UTC).replace(tzinfo=None)


def _judge(
    asks: Volume, hours: Mapping[str, LocalHour], counted: Sequence[Mapping[str, int]]
) -> tuple[int, str, Sample]:
    """How many markets are out of tolerance, what is to be said of the others, and the worst ones."""
    now, earlier = counted[0], counted[1:]
    # A week without a single row, in any market, is one before the table's time.
    known = [week for week in earlier if sum(week.values())]
    if not known:
        return 0, f"nothing to compare with: no rows in the {asks.weeks} weeks before", ()
    offending: list[tuple[float, dict[str, Any]]] = []
    unjudged = 0
    for market, hour in hours.items():
        mean = sum(week.get(market, 0) for week in known) / len(known)
        if mean < asks.least:
            unjudged += 1
            continue
        share = abs(now.get(market, 0) - mean) / mean
        if share > asks.tolerance:
            row = {"hour": hour.starts_at.isoformat(), "rows": str(now.get(market, 0)), "expected": f"{mean:.0f}"}
            offending.append((share, {"market": market, **row} if market != _ALL else row))
    offending.sort(key=lambda each: -each[0])
    first = min(hour.starts_at for hour in hours.values())
    said = f"hour from {first:%Y-%m-%d %H:%M} UTC, against {len(known)} of {asks.weeks} weeks"
    if unjudged:
        said += f"; {unjudged} of {len(hours)} not judged, with fewer than {asks.least} rows expected"
    return len(offending), said, tuple(row for _, row in offending[:SAMPLE])
