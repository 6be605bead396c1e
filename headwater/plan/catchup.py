"""When a shadow may take its table's place: it has read everything, and it holds what a table of that kind should."""

import time
from collections.abc import Callable

from headwater.engines import ActualJob, StreamEngine
from headwater.model import Layer, TableName
from headwater.plan.health import RESTARTS
from headwater.plan.rebuilds import is_merged
from headwater.plan.stages import CatchUp
from headwater.problem import HeadwaterError
from headwater.rebuilder import Reading, Rebuilder
from headwater.shadow import shadow

_POLL_SECONDS = 0.5
_TELL_SECONDS = 5.0


def catch_up(
    stage: CatchUp, job: ActualJob, engine: StreamEngine, rebuilder: Rebuilder, tell: Callable[[str], None]
) -> None:
    """Wait until the shadow's job has read all that its inputs held a moment ago, and compare the two tables.

    There is no time limit: how long it takes is a matter of how much there is to read, which is told meanwhile.

    Raises:
        HeadwaterError: Its job fails, an input has lost its beginning and nobody has said that this may be, or the
            shadow is empty where the table is not. Nothing has been stopped then.
    """
    topics = [topic.name for topic in stage.topics]
    tables = _tables_read(stage)
    first = rebuilder.reading(job, topics, tables)
    _need_beginnings(stage, first)
    told = time.monotonic()
    ends = first.ends
    while not (reading := rebuilder.reading(job, topics, tables)).has_reached(ends):
        health = engine.health(job.id)
        if health.state.is_final or health.restarts >= RESTARTS:
            raise HeadwaterError(
                f"Job {job.model} ({job.id}) is {health.state.value}: {health.failure or 'Flink gives no reason'}",
                left=f"{stage.table} and its job as they were; {job.model}, which the next apply goes on with",
                next_command="headwater logs jobmanager; correct the model, then headwater apply",
            )
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            tell(f"  {job.model} has read {_progress(reading)}")
        time.sleep(_POLL_SECONDS)
    tell(f"  {job.model} has read {_progress(reading)}")
    if is_merged(stage.model):
        _compare(stage, rebuilder, tell)


def _tables_read(stage: CatchUp) -> list[TableName]:
    return [name for name in stage.model.reads if name.layer is not Layer.ODS]


def _need_beginnings(stage: CatchUp, reading: Reading) -> None:
    lost = sorted(name for name, begin in reading.begins.items() if begin > 0)
    if lost and not stage.is_partial:
        raise HeadwaterError(
            f"{stage.table} cannot be rebuilt as it was: the first records of {', '.join(lost)} have expired, and the "
            "rows made of them would be lost",
            left=f"{stage.table} and its job as they were",
            next_command=f"put the SQL back, or take that: headwater apply --rebuild {stage.table}",
        )


def _compare(stage: CatchUp, rebuilder: Rebuilder, tell: Callable[[str], None]) -> None:
    found = rebuilder.compare(stage.model)
    tell(f"  {shadow(stage.table)} against {stage.table}: {found}")
    if found.removed and not (found.same or found.changed or found.added):
        raise HeadwaterError(
            f"{shadow(stage.table)} is empty, and would take {found.removed:,} rows from {stage.table}",
            left=f"{stage.table} and its job as they were; {shadow(stage.table)} and its job, to look into",
            next_command="correct the model, then headwater apply",
        )


def _progress(reading: Reading) -> str:
    done, there = reading.records
    if not there:
        return "its tables" if reading.ends else "its inputs"
    return f"{done:,} of {there:,} records ({done / there:.0%})"
