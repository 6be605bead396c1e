"""Where a stream is, so that its table can be compared while it goes on.

`read` is what the table contains for sure, `ends` is what it can contain at most. A key that no input between the two
touches must be in the table as batch gives it over everything up to `ends`; the others are in flight.

What a job has read is noted at each of its checkpoints, by Kafka's group and by Paimon's consumer, and the table's
commit for that checkpoint may follow a moment later. So a look that finds a difference is followed by one that waits
until the table has what had been noted; nothing is told of the first look alone.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headwater.engines import ActualJob, Snapshot
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.inputs import Inputs, pin_inputs
from resources.flink.jobmanager import JobManager
from resources.kafka import KafkaBroker
from resources.paimon.consumers import next_snapshot
from resources.paimon.store import FilesystemTableStore

_PATIENCE = 120.0
_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Position:
    """One moment of a stream.

    Args:
        output: The streamed table's snapshot.
        inputs: Everything up to a moment after that snapshot; each topic with what the job has read for sure.
        read: By input table, the snapshot up to which the job has read it for sure.
    """

    output: Snapshot
    inputs: Inputs
    read: Mapping[TableName, int]


def look(stack: Stack, declared: Warehouse, model: Model, *, settled: bool) -> Position | None:
    """Where the model's stream is now; None while it has written nothing.

    Args:
        settled: Wait until the table contains what is noted as read.

    Raises HeadwaterError when an engine does not answer, an input is missing, or, to settle, the job does not run.
    """
    sources = [declared.model(name) for name in model.reads]
    topics = [source.topic.name for source in sources if source.topic is not None]
    broker = KafkaBroker(stack.kafka)
    places = pin_inputs(stack, declared, model) if topics else Inputs()
    noted = broker.committed(f"headwater.{model.name}", [span for topic in places.topics for span in topic.spans])
    read = {
        source.name: (next_snapshot(stack.lake, source.name, model.name) or 1) - 1
        for source in sources
        if source.topic is None
    }
    store = FilesystemTableStore(stack.lake)
    if settled:
        _await_noted(stack, model, store, datetime.now(UTC))
    output = store.latest_snapshot(model.name)
    if output is None:
        return None
    inputs = pin_inputs(stack, declared, model)
    pinned = tuple(
        replace(
            topic,
            read={span.partition: noted.get((span.topic, span.partition), span.start) for span in topic.spans},
        )
        for topic in inputs.topics
    )
    return Position(output, replace(inputs, topics=pinned), read)


def _await_noted(stack: Stack, model: Model, store: FilesystemTableStore, since: datetime) -> None:
    """Wait until the table has the commit of a checkpoint that was completed after an instant.

    A checkpoint without rows may bring no commit. When the one after it is complete, its commit is no longer to come.
    """
    with contextlib.closing(JobManager(stack.flink_url)) as jobmanager:
        job = _job(jobmanager, model)
        deadline = time.monotonic() + _PATIENCE
        wanted: int | None = None
        for number, completed_at in _checkpoints(jobmanager, job):
            if wanted is None and completed_at > since:
                wanted = number
            if wanted is not None:
                newest = next(iter(store.commits(model.name)), None)
                if number > wanted or (newest is not None and newest.checkpoint >= wanted):
                    return
            if time.monotonic() > deadline:
                raise HeadwaterError(
                    f"The job of {model.name} has completed no checkpoint for {_PATIENCE:g} s, so what its table should"
                    " contain is not known",
                    left="the table was read and nothing was changed",
                    next_command="headwater status",
                )


def _checkpoints(jobmanager: JobManager, job: ActualJob) -> Iterator[tuple[int, datetime]]:
    """The newest completed checkpoint, asked for again and again."""
    while True:
        newest = jobmanager.newest_checkpoint(job.id)
        yield newest or (0, datetime.min.replace(tzinfo=UTC))
        time.sleep(_PAUSE)


def _job(jobmanager: JobManager, model: Model) -> ActualJob:
    job = next((job for job in jobmanager.jobs() if job.model == model.name), None)
    if job is None:
        raise HeadwaterError(
            f"The job of {model.name} does not run, so nobody knows what its table should contain by now",
            left="the table was read and nothing was changed",
            next_command="headwater apply, then this again",
        )
    return job
