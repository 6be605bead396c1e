"""All products of a stack, each kept up to date by a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import orjson

from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.serving.position import milliseconds
from headwater.serving.product import Product
from headwater.stack import Stack
from resources import declarations
from resources.keyvalue.store import FeederStore
from resources.paimon import consumers
from serving.feeder.tail import CONSUMER, Tail

EVERY_SECONDS = 0.2
_NOTE_SECONDS = 2.0
_HOLD_SECONDS = 600.0
_DECLARATION_SECONDS = 5.0
_LONGEST_PAUSE = 30.0

log = logging.getLogger("feeder")


class Course:
    """The thread of one product.

    Args:
        tail: What moves it on.
        every: Seconds between looks at the table.
    """

    def __init__(self, tail: Tail, every: float = EVERY_SECONDS) -> None:
        self.tail = tail
        self._every = every
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=tail.product.name, daemon=True)

    @property
    def product(self) -> Product:
        """What it serves."""
        return self.tail.product

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Finish the step that is being done, and end."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        noted = held = float("-inf")
        pause, said = self._every, ""
        while not self._ending.wait(pause):
            problem = self._attempt(self._step)
            if problem and problem != said:
                log.warning("%s: %s", self.product.name, problem)
            pause = min(max(pause, self._every) * 2, _LONGEST_PAUSE) if problem else self._every
            now = time.monotonic()
            if (now - noted >= _NOTE_SECONDS or problem != said) and not self._attempt(partial(self._note, problem)):
                noted = now
            if now - held >= _HOLD_SECONDS and not self._attempt(self.tail.hold):
                held = now
            said = problem

    def _step(self) -> None:
        done = self.tail.step()
        if done:
            log.info("%s: %s", self.product.name, done)

    def _note(self, problem: str) -> None:
        note = {"looked_at": milliseconds(datetime.now(UTC)), "problem": problem}
        self.tail.store.tell({self.product.name: orjson.dumps(note)})

    def _attempt(self, action: Callable[[], None]) -> str:
        """Why it failed, or "". Nothing that fails ends the thread: the next look tries again."""
        try:
            action()
        except HeadwaterError as error:
            return error.failed
        except Exception as error:
            log.exception("%s", self.product.name)
            return f"{type(error).__name__}: {error}"
        return ""


class Feeder:
    """Keeps the store what the declared products' tables are.

    Args:
        stack: Whose declarations and lake.
        store: Where the rows go.
    """

    def __init__(self, stack: Stack, store: FeederStore) -> None:
        self._stack = stack
        self._store = store
        self._courses: dict[str, Course] = {}

    def run(self, stop: threading.Event) -> None:
        """Feed until told to stop. Declarations are read again now and then; those that are wrong change nothing."""
        said = ""
        while not stop.is_set():
            try:
                self.follow(declarations.warehouse(self._stack))
                said = ""
            except HeadwaterError as error:
                if error.failed != said:
                    said = error.failed
                    log.warning("what was declared before is served on: %s", said)
            stop.wait(_DECLARATION_SECONDS)
        for course in self._courses.values():
            course.end()

    def follow(self, warehouse: Warehouse) -> None:
        """Serve these products, and none else."""
        declared = {product.name: product for product in warehouse.products}
        for name, course in list(self._courses.items()):
            if declared.get(name) != course.product:
                course.end()
                del self._courses[name]
        for name in self._store.products() - declared.keys():
            self._store.drop(name)
            log.info("%s is not declared any more, and was removed from the store", name)
        ours = {(product.table, f"{CONSUMER}{product.name}") for product in warehouse.products}
        for table, consumer in consumers.holding(self._stack.lake, CONSUMER) - ours:
            consumers.release(self._stack.lake, table, consumer)
        for name, product in declared.items():
            if name not in self._courses:
                self._courses[name] = Course(Tail(product, warehouse, self._stack.lake, self._store))
                self._courses[name].start()
