"""The stages that rebuild a table beside its running job, and put the new rows in place of the old ones in one commit.

A rebuild can be taken up again at any stage: what is there of the shadow, its job and its state says how far it came.
"""

from collections.abc import Callable, Sequence

from headwater.compile.binding import Addresses
from headwater.compile.job import JobSpec, compile_job
from headwater.engines import ActualJob, JobState
from headwater.model import Merge, Model, OnIncompatible, TableName, Warehouse
from headwater.plan.actual import Actual, Shadow
from headwater.plan.stages import (
    CancelJob,
    CatchUp,
    CreateTable,
    DiscardShadow,
    ReplaceRows,
    Stage,
    StopShadow,
    StopWithSavepoint,
    SubmitJob,
    WaitHealthy,
)
from headwater.shadow import shadow_table

_NESTED = ("ARRAY", "MAP", "MULTISET", "ROW")
_BESIDE = "beside it, reading its inputs from the start"


def is_merged(model: Model) -> bool:
    """Changed rows alone are written, as changes that jobs downstream read; otherwise all files are replaced.

    Paimon merges by key only where the newest row wins, and not columns of nested types (docs/findings.md).
    """
    nested = any(column.type.root in _NESTED for column in model.columns)
    return model.storage is not None and model.storage.merge is Merge.DEDUPLICATE and not nested


def obstacle(warehouse: Warehouse, model: Model) -> str:
    """Why the table cannot be rebuilt in place; "" when it can."""
    if model.job.on_incompatible is OnIncompatible.REJECT:
        return "its declaration says on_incompatible: reject"
    if model.distributes is not None:
        return f"those who read its topic «{model.distributes.name}» would not see the new rows"
    readers = warehouse.streams_over(model.name)
    if readers and not is_merged(model):
        return (
            f"its rows would be replaced as a whole, which jobs that read it do not see: {', '.join(map(str, readers))}"
        )
    return ""


def is_under_way(model: Model, upstream: Callable[[TableName], Model], addresses: Addresses, left: Shadow) -> bool:
    """A rebuild to this very version was begun; going on with it needs no new decision."""
    return left.fingerprint == compile_job(model, upstream, addresses, rebuilds=True).fingerprint


def rebuild_stages(
    model: Model,
    job: JobSpec,
    warehouse: Warehouse,
    actual: Actual,
    addresses: Addresses,
    current: ActualJob | None,
    changes: Sequence[Stage],
    *,
    asked: bool,
) -> list[Stage]:
    """Everything from making the shadow to removing it.

    Args:
        model: Whose table is rebuilt.
        job: Its job as declared now.
        warehouse: What is declared.
        actual: What is there.
        addresses: Where jobs find lake and broker.
        current: The running job, if there is one.
        changes: Of the table, to be made before its rows are replaced.
        asked: Somebody asked for this rebuild by name, and takes it that what has expired from topics is lost.
    """
    beside = compile_job(model, warehouse.model, addresses, rebuilds=True)
    left = actual.shadows.get(model.name)
    stages: list[Stage] = []
    if left is not None and not (left.is_made and left.fingerprint == beside.fingerprint):
        stages.append(DiscardShadow(model.name))
        left = None
    if left is None:
        stages.append(CreateTable(shadow_table(model)))
    if left is None or left.job is None:
        resumes = left is not None and left.has_state
        stages.append(SubmitJob(beside, "from where it stopped" if resumes else _BESIDE, resume=resumes))
    topics = tuple(source.topic for source in map(warehouse.model, model.reads) if source.topic is not None)
    stages += [WaitHealthy(beside), CatchUp(beside, model, topics, is_partial=asked)]
    if current is not None and current.state is JobState.RUNNING:
        stages.append(StopWithSavepoint(current, "its table has been rebuilt"))
    elif current is not None:
        stages.append(CancelJob(current))
    stages += [StopShadow(beside, model), *changes, ReplaceRows(model)]
    stages += [SubmitJob(job, "from where the rebuild stopped", needs_state=True), WaitHealthy(job)]
    return [*stages, DiscardShadow(model.name)]
