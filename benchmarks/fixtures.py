"""Fixtures per second on DuckDB, beside bare DuckDB that is given the very same statements and values."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.stand import WAREHOUSE, Tell
from headwater.fixtures.fixture import Fixture
from headwater.fixtures.judging import Judge
from headwater.loader import load
from headwater.model import Warehouse
from headwater.problem import HeadwaterError

_TIMES = 10

Statement = tuple[str, list[Any] | None]


def measure(scratch: Path, rounds: int, tell: Tell) -> list[Figure]:
    """One figure: the reference warehouse's fixtures, several times a round, in a warm process."""
    from resources.fixtures.duckdb import DuckdbEngine
    from resources.fixtures.run import chosen

    warehouse = load(WAREHOUSE)
    fixtures = chosen(warehouse, ())
    tell(f"fixtures: {len(fixtures)} fixtures of the reference warehouse, run once")
    recorder = _Recorder()
    with closing(DuckdbEngine(warehouse, recorder)) as engine:
        _judge(warehouse, engine, fixtures)
        recorder.statements.clear()
        _judge(warehouse, engine, fixtures)
        statements = list(recorder.statements)
        recorder.is_recording = False
        ours, reference = [], []
        for number in range(1, rounds + 1):
            tell(f"fixtures: round {number} of {rounds}")
            ours.append(_rate(len(fixtures), lambda: _judge(warehouse, engine, fixtures)))
            reference.append(_rate(len(fixtures), lambda: _replay(recorder.connection, statements)))
    note = (
        f"{len(fixtures)} fixtures with {sum(each.size for each in fixtures)} rows, {len(statements)} statements; "
        "ours reads no file, and plays arrivals through, checks lateness, and compares every row besides"
    )
    return [Figure("fixtures", "fixtures on DuckDB", "fixtures/s", tuple(ours), tuple(reference), None, note)]


class _Recorder:
    """A DuckDB connection that keeps what it is told, so that the same can be told to it without us."""

    def __init__(self) -> None:
        import duckdb

        self.connection = duckdb.connect(":memory:", config={"threads": 1})
        self.statements: list[Statement] = []
        self.is_recording = True

    def execute(self, sql: str, values: list[Any] | None = None) -> Any:
        if self.is_recording:
            self.statements.append((sql, values))
        return self.connection.execute(sql, values)

    def close(self) -> None:
        self.connection.close()


def _judge(warehouse: Warehouse, engine: Any, fixtures: tuple[Fixture, ...]) -> None:
    wrong = [str(result.fixture) for result in Judge(warehouse, (engine,)).results(fixtures) if not result.is_fine]
    if wrong:
        raise HeadwaterError(f"fixtures: {', '.join(wrong)} fail", next_command="headwater test")


def _replay(connection: Any, statements: list[Statement]) -> None:
    for sql, values in statements:
        connection.execute(sql, values).fetchall()


def _rate(count: int, work: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(_TIMES):
        work()
    return count * _TIMES / (time.perf_counter() - began)
