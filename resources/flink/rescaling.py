"""Changing the parallelism of a running job over the JobManager's REST interface, without a stop.

Flink's adaptive scheduler keeps the job's id: at the next completed checkpoint it restarts the job's tasks from there.
https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/deployment/elastic_scaling/#externalized-declarative-resource-management
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from headwater.compile.binding import is_table_source, topic_read_by
from headwater.engines import ActualJob, JobScale
from headwater.problem import HeadwaterError
from resources.flink.rest import FlinkRefusal, FlinkRest

Partitions = Callable[[Collection[str]], Mapping[str, int]]


def scale(rest: FlinkRest, job_id: str) -> JobScale | None:
    """See StreamEngine.scale."""
    try:
        asked = rest.get(f"/jobs/{job_id}/resource-requirements")
        vertices = rest.get(f"/jobs/{job_id}")["vertices"]
    except FlinkRefusal:
        return None
    return JobScale(
        wanted=max((entry["parallelism"]["upperBound"] for entry in asked.values()), default=0),
        running=max((vertex["parallelism"] for vertex in vertices), default=0),
    )


def rescale(rest: FlinkRest, job: ActualJob, parallelism: int, partitions: Partitions) -> None:
    """See StreamEngine.rescale.

    Args:
        rest: The JobManager.
        job: A running job.
        parallelism: Subtasks of every part that can run in so many.
        partitions: Tells how many partitions topics have.
    """
    vertices = rest.get(f"/jobs/{job.id}")["vertices"]
    read = {topic for vertex in vertices if (topic := topic_read_by(vertex["name"]))}
    known = partitions(read) if read else {}
    widest = max(bound(vertex, known.get(topic_read_by(vertex["name"]) or "")) for vertex in vertices)
    if parallelism > widest:
        raise _too_wide(job, parallelism, widest, known)
    rest.put(f"/jobs/{job.id}/resource-requirements", requirements(vertices, parallelism, known))


def requirements(
    vertices: Sequence[Mapping[str, Any]], parallelism: int, partitions: Mapping[str, int]
) -> dict[str, Any]:
    """What to ask of Flink for each of the job's parts.

    A subtask of a source that has no partition to read would hold back the watermark until it counts as idle.
    """
    asked = {
        vertex["id"]: min(parallelism, bound(vertex, partitions.get(topic_read_by(vertex["name"]) or "")))
        for vertex in vertices
    }
    return {id_: {"parallelism": {"lowerBound": 1, "upperBound": number}} for id_, number in asked.items()}


def bound(vertex: Mapping[str, Any], partitions: int | None) -> int:
    """In how many subtasks a part of a job can run, and has something to do in each.

    A source over a Paimon table stays as it is. Restored with more subtasks, Flink would give each a share of the
    splits that were being read, whatever bucket they are of, while Paimon hands out a bucket's next split by its own
    count: changes of one row could overtake each other.

    Args:
        vertex: As the JobManager describes it.
        partitions: Of the topic that it reads; None when it reads none, or one that is not known.
    """
    if is_table_source(vertex["name"]):
        return vertex["parallelism"]
    most = vertex["maxParallelism"]
    return most if partitions is None else min(most, partitions)


def _too_wide(job: ActualJob, parallelism: int, widest: int, known: Mapping[str, int]) -> HeadwaterError:
    sources = ", ".join(f"{topic} has {number}" for topic, number in known.items())
    because = f" (partitions: {sources})" if sources else ""
    return HeadwaterError(
        f"No part of job {job.model} has work for {parallelism} subtasks, only for {widest}{because}",
        left="the job as it was",
        next_command=f"headwater scale {job.model} {widest}, or declare job.parallelism accordingly",
    )
