"""The stack that the benchmarks run on: one of their own, or the running one where that disturbs nobody."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack

WAREHOUSE = Path(__file__).parent.parent / "warehouse"
"""The reference warehouse, which the benchmarks measure whatever the user's own is."""

ORDERS = TableName.parse("dwd.orders")
KPI_MINUTE = TableName.parse("dm.kpi_minute")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stand:
    """A running stack, and a scratch folder that every benchmark keeps its tables and job state in.

    Args:
        stack: Where Kafka, Flink and the gateway answer.
        scratch: Removed at the end.
        tell: Told what is being done, for people who wait.
    """

    stack: Stack
    scratch: Path
    tell: Tell

    def place(self, name: str, warehouse: Path) -> Stack:
        """The same processes with a lake, job state and declarations of their own."""
        return replace(self.stack, home=self.scratch / name, warehouse=warehouse)


@contextmanager
def own_stand(tell: Tell) -> Iterator[Stand]:
    """Kafka, Flink and the gateway on free ports and a temporary home; stopped and removed at the end.

    Raises HeadwaterError when they do not come up.
    """
    from resources.local import lifecycle

    with scratch() as folder:
        stack = own_stack(folder)
        lend_jars(stack)
        tell("starting a stack for the benchmarks")
        try:
            lifecycle.start(stack, dagster=False, serving=False, on_event=lambda step: tell(str(step)))
            yield Stand(stack, folder / "scratch", tell)
        finally:
            lifecycle.stop(stack)


@contextmanager
def running_stand(tell: Tell) -> Iterator[Stand]:
    """The stack that runs already. Its lake and topics are not touched.

    Raises HeadwaterError when it runs a job that a benchmark would have to take the name of.
    """
    from resources.deploy import engine

    stack = Stack.resolve()
    with engine(stack) as flink:
        busy = sorted({str(job.model) for job in flink.jobs()} & {str(ORDERS), str(KPI_MINUTE)})
    if busy:
        raise HeadwaterError(
            f"The running stack keeps {' and '.join(busy)} up to date; the benchmarks start jobs of that name",
            left="nothing was changed",
            next_command="headwater bench --stack own, or headwater down and benchmarks on a stack without jobs",
        )
    with scratch() as folder:
        yield Stand(stack, folder / "scratch", tell)


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder, removed at the end whatever is in it."""
    folder = Path(tempfile.mkdtemp(prefix="headwater-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def own_stack(folder: Path) -> Stack:
    """Addresses of a stack beside any other, with the reference warehouse."""
    from resources.local.ports import free_ports

    return Stack(home=folder / "home", warehouse=WAREHOUSE, ports=free_ports())


def lend_jars(stack: Stack) -> None:
    """Let a new stack use the jars that the user's stack has fetched, unless HEADWATER_JARS names a folder for all."""
    from resources import jars

    fetched = jars.folder(Stack.resolve())
    if jars.FOLDER_VARIABLE not in os.environ and fetched.is_dir():
        stack.home.mkdir(parents=True, exist_ok=True)
        jars.folder(stack).symlink_to(fetched)
