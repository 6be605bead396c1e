"""Jobs that run and are not declared, and jobs of others: how they are told."""

from collections.abc import Iterator, Sequence
from typing import Any

from cli.clock import iso, local
from headwater.engines import ActualJob, ForeignJob


def lines(undeclared: Sequence[ActualJob], foreign: Sequence[ForeignJob]) -> Iterator[str]:
    """A line for each, with what to do about it."""
    if undeclared:
        yield "\nNot declared, and left running (headwater apply --stop-undeclared stops them with a savepoint):"
        for job in undeclared:
            yield f"  • {job.model} ({job.id}), {job.state.value} since {local(job.started_at)}"
    if foreign:
        yield "\nOn the same cluster, not Headwater's, never touched:"
        for job in foreign:
            yield f"  • «{job.name}» ({job.id}), {job.state.value}"


def as_dict(job: ActualJob) -> dict[str, Any]:
    """A job that is not declared, for programs."""
    return {
        "model": str(job.model),
        "id": job.id,
        "name": f"{job.model}@{job.fingerprint}",
        "state": job.state.value,
        "started_at": iso(job.started_at),
        "url": job.url,
    }


def foreign_dict(job: ForeignJob) -> dict[str, Any]:
    """A job of others, for programs."""
    return {"id": job.id, "name": job.name, "state": job.state.value, "url": job.url}
