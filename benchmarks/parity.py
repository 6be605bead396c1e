"""B11: parity of tables at rest beside one batch run of their models."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.chaos import copied_warehouse
from benchmarks.figure import Figure, Goal
from benchmarks.stand import Tell, lend_jars, own_stack
from headwater.compile.rejects import REJECTED
from headwater.model import Model, Warehouse
from headwater.parity.verdict import Parity, Verdict
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.inputs import pin_inputs, protected
from resources.batch.rows import BATCH, batch_rows
from resources.declarations import warehouse
from resources.deploy import deploy
from resources.local import lifecycle
from resources.parity.run import compare
from simulator.replay import ReplaySpan, replay

_ORDERS = 60_000
_PATIENCE = 900.0
_START = datetime(2026, 11, 22, 3, tzinfo=UTC)


def measure(folder: Path, rounds: int, tell: Tell) -> list[Figure]:
    """B11: each streaming model of the reference warehouse, at rest after a replay."""
    stack, declared, models = started(folder, demo=False)
    try:
        tell(f"sending {_ORDERS:,} orders with all their facts")
        replay(stack.kafka, declared.markets, ReplaySpan(_START, 120, _ORDERS))
        for model in models:
            await_looks(lambda model=model: _is_at_rest(stack, declared, model), f"{model.name} to be at rest")
        figures = []
        for model in models:
            ours, bare = [], []
            compared: Parity | None = None
            for number in range(rounds + 1):
                tell(f"B11: {model.name}, " + (f"round {number} of {rounds}" if number else "warming up"))
                compared = compare(stack, declared, model).parity
                began = time.monotonic()
                _batch_run(stack, declared, model)
                if number:
                    ours.append(compared.seconds)
                    bare.append(time.monotonic() - began)
            assert compared is not None
            note = f"{compared.rows:,} rows compared, {compared.verdict}; batch on {compared.engine}"
            is_equal = compared.verdict is Verdict.EQUAL
            goal = Goal(1.2) if is_equal else None
            if not is_equal:
                note += "; two looks, and what differs was explained: the goal is for equal tables"
            figures.append(Figure("B11", str(model.name), "s", tuple(ours), tuple(bare), goal, note))
        return figures
    finally:
        lifecycle.stop(stack)


def started(folder: Path, *, demo: bool) -> tuple[Stack, Warehouse, tuple[Model, ...]]:
    """A stack of its own with the reference warehouse's jobs, and the models that are compared.

    Args:
        demo: With the simulator, which is to be started.
    """
    stack = own_stack(folder)
    stack = Stack(stack.home, copied_warehouse(folder), stack.ports)
    lend_jars(stack)
    lifecycle.start(stack, dagster=False, serving=False, demo=demo)
    deploy(stack, lambda _line: None)
    declared = warehouse(stack)
    return stack, declared, tuple(model for model in declared.streaming if model.name != REJECTED)


def await_looks(holds: Callable[[], bool], what: str) -> None:
    """Return once it holds; each look takes long. Raises HeadwaterError when it does not in time."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise HeadwaterError(f"Waited {_PATIENCE:g} s for {what}", next_command="headwater bench again")
        time.sleep(1)


def _is_at_rest(stack: Stack, declared: Warehouse, model: Model) -> bool:
    try:
        parity = compare(stack, declared, model).parity
    except HeadwaterError:
        return False
    return parity.rows > 0 and parity.in_flight == 0


def has_rows(stack: Stack, declared: Warehouse, model: Model) -> bool:
    """There are rows that can be compared."""
    try:
        return compare(stack, declared, model).parity.rows > 0
    except HeadwaterError:
        return False


def _batch_run(stack: Stack, declared: Warehouse, model: Model) -> None:
    inputs = pin_inputs(stack, declared, model)
    with protected(stack, model, inputs) as held, batch_rows(stack, declared, model, held) as batch:
        batch.session.prepare(f"CREATE TABLE run AS SELECT * FROM {BATCH}")
