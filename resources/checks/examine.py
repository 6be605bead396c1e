"""A table's declared checks evaluated, each by the cheapest reading that tells the whole.

| check | reads |
|---|---|
| not_null, accepted, range, SQL over single rows of the table | what changed since the look before |
| unique | what changed; then the columns in question, between the least and the greatest changed value |
| relation | what came, and of the other table the columns between the least and the greatest value; the table's columns
  whole while something is missing and when the other table lost values |
| volume | one hour of each week, once an hour |
| malformed | offsets at the broker, and the rejected records between them |
| late | counters of the job |
| parity | the inputs whole, and the table whole, as often as it declares |
| other SQL | whole snapshots, when one of the tables has a newer one |

A table is read whole at the first look, when the check asks something else than before, and when the changes since the
look before cannot be read by themselves (`why_not_by_changes`). No reading of one table goes beyond `check_rows` rows;
what lies beyond is said.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from itertools import groupby

from headwater.checks.kinds import Check, Late, Malformed, ParityCheck, Relation, SqlCheck, Unique, Volume
from headwater.checks.outcome import Examined, Outcome
from headwater.compile.rejects import REJECTED
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.checks import late, parity, queries, relation, rows, topics, unique, volume
from resources.checks.look import Found, Look, Start
from resources.checks.memory import alone, recall, remember
from resources.duckdb import MEMORY_LIMIT
from resources.paimon.changes import in_step
from resources.paimon.store import FilesystemTableStore


def examine(
    stack: Stack,
    warehouse: Warehouse,
    model: Model,
    names: Collection[str] | None = None,
    *,
    whole: bool = False,
    memory_limit: str = MEMORY_LIMIT,
) -> Examined:
    """Evaluate a model's checks up to the newest snapshot of its table, and remember what was found.

    Args:
        names: Only these checks; None for all.
        whole: Read everything anew, whatever is remembered.
        memory_limit: Of DuckDB.

    A table without a commit, and a report that never ran, give nothing. A check that cannot be evaluated is among the
    answer's failures, and what is remembered of it stays. Raises HeadwaterError when the table is not there or its
    metadata cannot be read.
    """
    store = FilesystemTableStore(stack.lake)
    table = store.table(model.name)
    if table is None and model.is_report:
        return Examined()
    if table is None:
        raise HeadwaterError(f"There is no table {model.name} in the lake to check", next_command="headwater apply")
    with alone(stack.home, model.name):
        snapshot = in_step(store, table)
        if snapshot is None:
            return Examined()
        latest = store.latest_snapshot(model.name)
        newest = max(snapshot.id, latest.id if latest else 0)
        remembered = recall(stack.home, model.name)
        look = Look(
            stack, warehouse, model, table, snapshot, newest, datetime.now(UTC), memory_limit, remembered, whole
        )
        wanted = [check for check in model.checks if names is None or check.name in names]
        found, failures = _evaluate(look, wanted)
        declared = {check.name for check in model.checks}
        kept = {name: entry for name, entry in remembered.items() if name in declared}
        remember(stack.home, model.name, kept | {outcome.check.name: entry for outcome, entry in found})
    by_name = {outcome.check.name: outcome for outcome, _ in found}
    return Examined(tuple(by_name[check.name] for check in wanted if check.name in by_name), tuple(failures))


def is_due(stack: Stack, model: Model) -> bool:
    """Whether something has come that a check of this model has not seen. Reads small metadata files only."""
    newest = cache(partial(_newest, FilesystemTableStore(stack.lake)))
    if not newest(model.name):
        return False
    remembered = recall(stack.home, model.name)
    for check in model.checks:
        memory = remembered.get(check.name)
        if memory is None or not memory.is_of(check):
            return True
        if isinstance(check.asks, Malformed) and str(REJECTED) not in memory.seen and newest(REJECTED):
            return True
        if any(newest(TableName.parse(name)) != seen.newest for name, seen in memory.seen.items()):
            return True
    return False


def newest_outcomes(stack: Stack, model: Model) -> tuple[Outcome, ...]:
    """What the newest evaluation of each declared check found, as far as there is one of what it asks now."""
    remembered = recall(stack.home, model.name)
    return tuple(
        remembered[check.name].as_outcome(check)
        for check in model.checks
        if check.name in remembered and remembered[check.name].is_of(check)
    )


def _newest(store: FilesystemTableStore, name: TableName) -> int:
    snapshot = store.latest_snapshot(name)
    return snapshot.id if snapshot else 0


def _evaluate(look: Look, wanted: Iterable[Check]) -> tuple[list[Found], list[tuple[str, HeadwaterError]]]:
    found: list[Found] = []
    failures: list[tuple[str, HeadwaterError]] = []
    for names, evaluation in _evaluations(look, wanted):
        try:
            found += evaluation()
        except HeadwaterError as error:
            failures += [(name, error) for name in names]
    return found, failures


def _evaluations(look: Look, wanted: Iterable[Check]) -> Iterator[tuple[list[str], Callable[[], Iterable[Found]]]]:
    """What is read at once, and the names of the checks that it tells of."""
    starts = {check: look.start(check) for check in wanted}
    by_row = sorted((check for check in starts if rows.is_by_row(check)), key=lambda check: starts[check].after or 0)
    for after, checks in groupby(by_row, key=lambda check: starts[check].after):
        chosen = {check: starts[check] for check in checks}
        if after is not None:
            yield (
                [check.name for check in chosen],
                lambda after=after, chosen=chosen: rows.by_changes(look, after, chosen),
            )
            continue
        for check, start in chosen.items():
            yield [check.name], lambda check=check, start=start: rows.whole(look, {check: start})
    for check, start in starts.items():
        if not rows.is_by_row(check):
            yield [check.name], lambda check=check, start=start: [_single(look, check, start)]


def _single(look: Look, check: Check, start: Start) -> Found:
    match check.asks:
        case Unique() as asks:
            return unique.evaluate(look, check, asks, start)
        case Relation() as asks:
            return relation.evaluate(look, check, asks, start)
        case Volume() as asks:
            return volume.evaluate(look, check, asks)
        case Malformed() as asks:
            return topics.evaluate(look, check, asks)
        case Late() as asks:
            return late.evaluate(look, check, asks)
        case ParityCheck() as asks:
            return parity.evaluate(look, check, asks)
        case SqlCheck() as asks:
            return queries.evaluate(look, check, asks)
        case _:
            raise TypeError(f"{check.name} is evaluated by its rows")
