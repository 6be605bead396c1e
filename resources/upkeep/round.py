"""One round of upkeep: some duties over some tables, one after the other."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime

from headwater.engines import JobState
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.upkeep.duty import Duty, Outcome
from resources.alone import alone
from resources.declarations import warehouse
from resources.deploy import engine
from resources.flink.procedures import calling
from resources.paimon.footprint import footprint
from resources.paimon.store import FilesystemTableStore
from resources.upkeep import compacting, expiry, orphans
from resources.upkeep.place import Place, Target

_BY_DUTY: dict[Duty, Callable[[Place, Target], Outcome]] = {
    Duty.EXPIRY: expiry.expire,
    Duty.COMPACTION: compacting.compact,
    Duty.ORPHANS: orphans.remove,
}


def keep_clean(
    stack: Stack,
    duties: Collection[Duty] = tuple(Duty),
    tables: Collection[TableName] = (),
    *,
    dry_run: bool = False,
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None,
) -> tuple[Outcome, ...]:
    """Do these duties on every declared table that is there, or on the ones named.

    What goes wrong with one table is that table's outcome, and the others are looked at all the same.

    Args:
        stack: Whose lake.
        duties: Which.
        tables: Only these; empty for all.
        dry_run: Look, and change nothing.
        on_outcome: Told each outcome as it is known.

    Raises HeadwaterError when another round is under way, when a table is not declared, or when Flink does not
    answer.
    """
    declared = warehouse(stack)
    models = _chosen(declared, tables)
    outcomes: list[Outcome] = []
    with alone(stack, "upkeep", _refusal()), calling(stack.gateway_url, stack.lake) as procedures:
        committed = _committed(stack) if Duty.ORPHANS in duties else {}
        place = Place(stack, procedures, datetime.now(UTC), dry_run, committed)
        for model in models:
            for outcome in _outcomes(place, model, duties):
                outcomes.append(outcome)
                on_outcome(outcome)
    return tuple(outcomes)


def undeclared(stack: Stack, declared: Warehouse) -> tuple[TableName, ...]:
    """Tables of the lake that no model declares. They are left alone: nobody says who writes and reads them."""
    return tuple(name for name in FilesystemTableStore(stack.lake).tables() if name not in declared)


def _committed(stack: Stack) -> dict[TableName, datetime]:
    """When each job that runs has last completed a checkpoint."""
    with engine(stack) as flink:
        ends = {
            job.model: flink.health(job.id).last_checkpoint_at for job in flink.jobs() if job.state is JobState.RUNNING
        }
    return {name: at for name, at in ends.items() if at is not None}


def _outcomes(place: Place, model: Model, duties: Collection[Duty]) -> Iterator[Outcome]:
    """What comes of each duty on one table; nothing for a table that has not been made yet."""
    table = FilesystemTableStore(place.stack.lake).table(model.name)
    files = footprint(place.stack.lake, model.name) if table else None
    if table is None or files is None:
        return
    for duty in Duty:
        if duty in duties:
            outcome = _done(place, Target(model, table.options, files), duty)
            files = outcome.after
            yield outcome


def _done(place: Place, target: Target, duty: Duty) -> Outcome:
    try:
        return _BY_DUTY[duty](place, target)
    except HeadwaterError as error:
        if error.unreachable:
            raise
        return Outcome(duty, target.name, target.files, target.files, fault=error.failed)


def _chosen(declared: Warehouse, tables: Collection[TableName]) -> tuple[Model, ...]:
    kept = (*declared.streaming, *declared.reports)
    known = {model.name for model in kept}
    for name in sorted(tables):
        if name not in known:
            raise HeadwaterError(
                f"{name} is no declared table of the lake, and is left alone",
                left="nothing was changed",
                next_command="headwater maintain --dry-run lists those that there are",
            )
    return tuple(model for model in kept if not tables or model.name in tables)


def _refusal() -> HeadwaterError:
    """One round at a time: two would count and remove the same files."""
    return HeadwaterError(
        "Another round of upkeep is under way",
        left="nothing was changed by this one",
        next_command="wait for it: Dagster shows it as the run of maintenance/*, or headwater maintain runs",
    )
