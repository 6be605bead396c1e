"""Starting again what a JobManager has forgotten, just as it ran: same SQL, same plan, newest state.

A session cluster without high availability keeps its jobs in memory. What is declared may have been edited since it was
applied, so nothing is planned here: each declared model's job comes back in the version that wrote its newest state.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from headwater.engines import StreamEngine
from headwater.model import TableName
from headwater.plan.earlier import described, is_behind
from headwater.plan.execute import STARTS_AT_ONCE
from headwater.plan.health import await_healthy
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.applylock import applying
from resources.declarations import warehouse
from resources.deploy import engine, finish_starts
from resources.local import ready
from resources.paimon.store import FilesystemTableStore

_PATIENCE = 90.0


def resume(stack: Stack, on_event: Callable[[str], None]) -> None:
    """Start every declared job that Flink does not have and that has state; tell what was done, and what was not.

    Raises HeadwaterError when the declarations cannot be read, or Flink does not answer.
    """
    for service in (ready.FLINK, ready.GATEWAY):
        ready.wait_for(stack, service, counts_starts=False)
    with applying(stack, "starting again the jobs that Flink has lost", on_event), engine(stack) as flink:
        finish_starts(stack, flink, on_event)
        there = {job.model for job in flink.jobs()}
        lost = [model.name for model in warehouse(stack).streaming if model.name not in there]

        def one(name: TableName) -> None:
            try:
                _resume(stack, flink, name, on_event)
            except HeadwaterError as error:
                on_event(f"job {name} was not started: {error}")

        with ThreadPoolExecutor(max_workers=STARTS_AT_ONCE) as pool:
            list(pool.map(one, lost))


def _resume(stack: Stack, flink: StreamEngine, name: TableName, on_event: Callable[[str], None]) -> None:
    newest = next(FilesystemTableStore(stack.lake).commits(name), None)
    state = flink.retained_state(name)
    if state is None:
        on_event(f"job {name} has no state to start from: headwater apply starts it")
        return
    if is_behind(state, newest):
        on_event(f"job {name} has lost its newest state, {described(state)} is older than its table: headwater plan")
        return
    job, plan = flink.deployed_job(state), flink.deployed_plan(state)
    if job is None or plan is None:
        on_event(f"how job {name} was deployed is not known any more: headwater apply starts it")
        return
    on_event(f"start job {name} from its {described(state)}")
    started = flink.submit_plan(job, plan, state)
    await_healthy(flink, name, started, state.path, patience=_PATIENCE)
    flink.prune(name, started)


def main() -> None:
    """Resume the stack that the environment points to; told on stderr, which goes to the keeper's log."""

    def tell(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    try:
        resume(Stack.resolve(), tell)
    except HeadwaterError as error:
        tell(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
