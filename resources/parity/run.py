"""One comparison of a streaming model with its batch result, beside the running stream."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from headwater.checks.kinds import TOLERANCE
from headwater.model import Model, Warehouse
from headwater.parity.comparison import Comparison
from headwater.parity.verdict import SHOWN, Difference, Kind, Parity, judged
from headwater.parity.windows import Windows, windows_of
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.inputs import protected
from resources.batch.rows import Batch, DuckFlows, batch_rows, duck_flows, input_columns
from resources.duckdb import MEMORY_LIMIT
from resources.parity.differing import Differing, Found, compared
from resources.parity.late import LateRecord, explained
from resources.parity.position import Position, look
from resources.parity.skipped import TouchedUnknown, touched

# A difference is told when a later look finds it too. Where what a change touches is worked out, the second look is
# proof by itself; where it is not, a row that stays as it is on both sides over so many looks is taken for settled.
_LOOKS = 2
_LOOKS_BY_REPETITION = 4


@dataclass(frozen=True, slots=True)
class Dates:
    """The days that are compared, in UTC, both included; None for no bound."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a comparison found, and what a repair needs of it.

    Args:
        parity: For people.
        rows: By key, the rows of batch for the keys that late data explains, in the order of the model's columns.
        late: The late records that were found.
    """

    parity: Parity
    rows: Mapping[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    late: tuple[LateRecord, ...] = ()


def compare(
    stack: Stack,
    declared: Warehouse,
    model: Model,
    *,
    dates: Dates | None = None,
    tolerance: float = TOLERANCE,
    memory_limit: str = MEMORY_LIMIT,
) -> Outcome:
    """Hold a streamed table against its batch result over the same input. Changes nothing.

    Args:
        dates: Only these days; None for all.
        tolerance: Of floating columns, as a share of the larger value.
        memory_limit: Of DuckDB.

    Raises HeadwaterError when the model is not kept by a stream or cannot be compared, when its table, an input or an
    engine is missing, and when a difference cannot be settled because the job does not run.
    """
    begun = time.monotonic()
    refuse_other_than_stream(model)
    windows = windows_of(declared, model)
    flows = _translated(stack, declared, model)
    run = _Run(stack, declared, model, windows, flows, dates or Dates(), tolerance, memory_limit)
    found = run.look(settled=False)
    looks = 1
    wanted = _LOOKS if found.is_exact else _LOOKS_BY_REPETITION
    while found.differing.rows and looks < wanted:
        later = run.look(settled=True, among=found.differing, explain=looks + 1 == wanted)
        looks += 1
        found = later
    return _outcome(model, found, looks, time.monotonic() - begun)


def refuse_other_than_stream(model: Model) -> None:
    """Raise HeadwaterError for a model that no stream keeps up to date."""
    if not model.is_streaming:
        raise HeadwaterError(
            f"{model.name} is not kept up to date by a stream, so there is nothing to compare",
            next_command="name a table of dwd or dm",
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look found.

    Args:
        is_exact: What changes touch was worked out; otherwise only repetition settles a difference.
    """

    engine: str
    position: Position
    until: datetime | None
    found: Found
    in_flight: int
    is_exact: bool
    differing: Differing
    explanations: Mapping[tuple[Any, ...], tuple[str, int]] = field(default_factory=dict)
    late: tuple[LateRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    stack: Stack
    declared: Warehouse
    model: Model
    windows: Windows | None
    flows: DuckFlows | None
    dates: Dates
    tolerance: float
    memory_limit: str

    def look(self, *, settled: bool, among: Differing | None = None, explain: bool = False) -> _Seen:
        """One look.

        Args:
            settled: See resources.parity.position.look.
            among: Only differences that were found before too.
            explain: Say which of them late data explains.
        """
        position = look(self.stack, self.declared, self.model, settled=settled)
        if position is None:
            raise HeadwaterError(
                f"{self.model.name} has no snapshot yet: its stream has written nothing",
                left="nothing was compared",
                next_command="headwater status, to see whether its job runs",
            )
        comparison = self._comparison(position)
        with protected(self.stack, self.model, position.inputs) as inputs:
            try:
                changed = touched(self.stack, self.declared, self.model, replace(position, inputs=inputs), self.flows)
            except TouchedUnknown:
                changed = None
            with batch_rows(
                self.stack, self.declared, self.model, inputs, memory_limit=self.memory_limit, flows=self.flows
            ) as batch:
                found = compared(self.stack, self.model, comparison, batch, position, changed)
                differing = found.differing if among is None else _again(found.differing, among, changed is not None)
                explanations, late = self._explained(batch, comparison, differing, position) if explain else ({}, ())
        return _Seen(
            batch.engine.value,
            position,
            self._until(position),
            found,
            changed.num_rows if changed is not None else 0,
            changed is not None,
            differing,
            explanations,
            late,
        )

    def _until(self, position: Position) -> datetime | None:
        return position.output.watermark

    def _comparison(self, position: Position) -> Comparison:
        conditions = [*self._of_dates()]
        if self.windows is not None:
            until = self._until(position)
            # No watermark yet: no window has closed.
            conditions.append(
                f"r.\"{self.windows.end}\" <= TIMESTAMPTZ '{until.isoformat()}'" if until is not None else "FALSE"
            )
        return Comparison(self.model, " AND ".join(conditions) or "TRUE", self.tolerance)

    def _of_dates(self) -> Sequence[str]:
        if self.dates.first is None and self.dates.last is None:
            return ()
        column = date_column(self.model)
        bounds = []
        if self.dates.first is not None:
            bounds.append(f"r.\"{column}\" >= DATE '{self.dates.first}'")
        if self.dates.last is not None:
            bounds.append(f"r.\"{column}\" < DATE '{self.dates.last}' + 1")
        return bounds

    def _explained(
        self, batch: Batch, comparison: Comparison, differing: Differing, position: Position
    ) -> tuple[dict[tuple[Any, ...], tuple[str, int]], tuple[LateRecord, ...]]:
        if not differing.rows:
            return {}, ()
        if self.windows is not None:
            return explained(batch, self.declared, self.windows, comparison, differing)
        return self._forgotten(differing, position), ()

    def _forgotten(self, differing: Differing, position: Position) -> dict[tuple[Any, ...], tuple[str, int]]:
        """Keys so old that the stream may have forgotten them (`state_ttl`) before the last change of their input."""
        ttl, clock = self.model.job.state_ttl, self.model.event_time
        if ttl is None or clock is None:
            return {}
        now = position.output.watermark or position.output.committed_at
        place = [column.name for column in self.model.columns].index(clock.column)
        found = {}
        for key, (streamed, batched) in differing.rows.items():
            at = (streamed or batched or ())[place]
            if isinstance(at, datetime) and at.astimezone(UTC) < now - ttl:
                found[key] = ("its state had expired (state_ttl) when a later change came", 0)
        return found


def _translated(stack: Stack, declared: Warehouse, model: Model) -> DuckFlows | None:
    """The model's flows for DuckDB; None where it is not known to run them as Flink does."""
    try:
        return duck_flows(declared, model, input_columns(stack, declared, model))
    except HeadwaterError:
        return None


def date_column(model: Model) -> str:
    """The column that days are chosen by. Raises HeadwaterError when there is none."""
    for name in model.partition_by:
        if model.column(name).type.root == "DATE":
            return name
    if model.event_time is not None:
        return model.event_time.column
    raise HeadwaterError(
        f"{model.name} has no column to choose days by: no partition by a DATE, and no event_time",
        next_command="leave --from and --to out",
    )


def _again(now: Differing, before: Differing, is_exact: bool) -> Differing:
    """What differs still. Where what changes touch is not known, only rows that both sides left as they were."""
    rows = {
        key: pair for key, pair in now.rows.items() if key in before.rows and (is_exact or pair == before.rows[key])
    }
    every = now.count if now.is_cut and len(rows) == len(now.rows) else len(rows)
    return Differing(rows, every)


def _outcome(model: Model, seen: _Seen, looks: int, seconds: float) -> Outcome:
    names = [column.name for column in model.columns]
    key_names = model.key or names
    differences = []
    for key, (streamed, batched) in seen.differing.rows.items():
        because, late = seen.explanations.get(key, ("", 0))
        kind = Kind.MISSING if streamed is None else Kind.EXTRA if batched is None else Kind.CHANGED
        left, right = streamed or (None,) * len(names), batched or (None,) * len(names)
        columns = {
            name: (_text(one), _text(other))
            for name, one, other in zip(names, left, right, strict=True)
            if name not in model.key and (kind is not Kind.CHANGED or seen.found.comparison.differs(name, one, other))
        }
        told = dict(zip(key_names, map(_text, key), strict=True))
        differences.append(Difference(told, kind, columns, bool(because), because, late))
    differences.sort(key=lambda each: each.explained)
    by_market: dict[str, int] = {}
    for record in seen.late:
        by_market[record.market] = by_market.get(record.market, 0) + 1
    rows = {
        key: batched
        for key, (_, batched) in seen.differing.rows.items()
        if key in seen.explanations and batched is not None
    }
    inputs = {str(pinned.table): pinned.snapshot.id for pinned in seen.position.inputs.tables}
    inputs |= {
        f"{topic.table}/{span.partition}": span.end for topic in seen.position.inputs.topics for span in topic.spans
    }
    parity = Parity(
        model=model.name,
        verdict=judged(differences),
        engine=seen.engine,
        snapshot=seen.position.output.id,
        watermark=seen.until,
        rows=seen.found.rows,
        at=datetime.now(UTC),
        seconds=seconds,
        in_flight=seen.in_flight,
        unclear=seen.found.unclear,
        differing=seen.differing.count,
        explained=sum(each.explained for each in differences),
        differences=tuple(differences[:SHOWN]),
        looks=looks,
        inputs=inputs,
        late_by_market=dict(sorted(by_market.items())),
    )
    return Outcome(parity, rows, seen.late)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    return str(value)
