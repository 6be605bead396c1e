"""Starting and ending the two jobs that are compared, and waiting for them, the same way on both sides."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from benchmarks import bare
from benchmarks.stand import ORDERS
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.deploy import deploy
from resources.flink.rest import FlinkRest

POLL_SECONDS = 0.1
"""How often a start is looked at: as often as the platform's own executor does."""
_PATIENCE = 120.0
Answer = TypeVar("Answer")


def start_ours(place: Stack, models: frozenset[TableName] = frozenset({ORDERS})) -> dict[TableName, str]:
    """Deploy through the platform, until the jobs run and have a checkpoint; give their ids."""
    deployed = deploy(place, lambda _line: None, models=models)
    return {model: job.id for model, job in deployed.jobs.items() if model in models}


def start_bare(place: Stack, *, topics: str, checkpoints: str, savepoint: str | None = None) -> str:
    """Start the job by hand, and wait until it runs and has a checkpoint; give its id."""
    started = bare.submit(place, topics=topics, checkpoints=checkpoints, savepoint=savepoint)
    with jobmanager(place) as rest:
        _awaited(lambda: _is_healthy(rest, started), started)
    return started


def stop_bare(place: Stack, job_id: str) -> str:
    """Stop the job by hand with a savepoint; give the savepoint's address."""
    asked = {"targetDirectory": (place.job_state / "bare").as_uri(), "drain": False}
    with jobmanager(place) as rest:
        request = rest.post(f"/jobs/{job_id}/stop", asked)["request-id"]

        def made() -> str | None:
            answer = rest.get(f"/jobs/{job_id}/savepoints/{request}")
            return answer["operation"]["location"] if answer["status"]["id"] == "COMPLETED" else None

        return _awaited(made, job_id)


def cancel(place: Stack, job_id: str) -> None:
    """End a job and wait until it has ended. A job that is gone already is no error."""
    with jobmanager(place) as rest:
        if _state(rest, job_id) in _ENDED:
            return
        rest.patch(f"/jobs/{job_id}?mode=cancel")
        _awaited(lambda: _state(rest, job_id) in _ENDED, job_id)


@contextmanager
def jobmanager(place: Stack) -> Iterator[FlinkRest]:
    """The JobManager's REST interface, closed at the end."""
    rest = FlinkRest(place.flink_url, "Flink's JobManager")
    try:
        yield rest
    finally:
        rest.close()


_ENDED = frozenset({"CANCELED", "FAILED", "FINISHED"})


def _state(rest: FlinkRest, job_id: str) -> str:
    return rest.get(f"/jobs/{job_id}")["state"]


def _is_healthy(rest: FlinkRest, job_id: str) -> bool:
    if _state(rest, job_id) != "RUNNING":
        return False
    return rest.get(f"/jobs/{job_id}/checkpoints")["counts"]["completed"] > 0


def _awaited(ask: Callable[[], Answer | None], job_id: str) -> Answer:
    """The first answer that holds. Raises HeadwaterError when none does in time."""
    deadline = time.monotonic() + _PATIENCE
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise HeadwaterError(
                f"Flink job {job_id} of the benchmark did not come as far as it should within {_PATIENCE:.0f} s",
                left="the benchmark's own jobs and topics, which end with it",
                next_command="headwater bench again, on a machine with less to do",
            )
        time.sleep(POLL_SECONDS)
    return answer
