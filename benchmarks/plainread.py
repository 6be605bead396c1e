"""A full read of a table through our reader, beside DuckDB on the same rows as plain Parquet: for B3 and B4."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.figure import Figure, Goal
from benchmarks.flinkmade import newest
from benchmarks.stand import Stand
from headwater.model import TableName
from headwater.stack import Stack
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable

ROWS = 2_000_000


def beside_plain(stand: Stand, stack: Stack, id: str, table: str, name: str, goal: Goal, rounds: int) -> Figure:
    """Seconds of both sides. Raises ValueError when one of them gives another number of rows."""
    snapshot = newest(stack, table)
    copy = stack.home / f"{table}.parquet"
    _copy(stack, table, snapshot, copy)
    ours: list[float] = []
    reference: list[float] = []
    served = ""
    for number in range(rounds + 1):
        stand.tell(f"{id} {name}: " + (f"round {number} of {rounds}" if number else "a round that does not count"))
        pinned = PinnedTable(stack.lake, TableName.parse(table), snapshot)
        seconds = _timed(partial(_read, pinned)), _timed(partial(_read_plain, copy))
        served = str(pinned.served)
        if number:
            ours.append(seconds[0])
            reference.append(seconds[1])
    note = (
        f"{ROWS:,} rows of nine columns to Arrow, planning included; {served}; the reference is one Parquet file of the"
        " same rows, zstd as Paimon's"
    )
    return Figure(id, name, "s", tuple(ours), tuple(reference), goal, note)


def _copy(stack: Stack, table: str, snapshot: int, file: Path) -> None:
    import duckdb

    rows = PinnedTable(stack.lake, TableName.parse(table), snapshot, native_only=True).reader().read_all()
    if rows.num_rows != ROWS:
        raise ValueError(f"{table} has {rows.num_rows} rows")
    with duckdb.connect(":memory:") as connection:
        connection.register("rows", rows)
        connection.execute(f"COPY (SELECT * FROM rows) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")


def _read(table: PinnedTable) -> int:
    with Session([table]) as session:
        return session.arrow(f"SELECT * FROM {table.name}").num_rows


def _read_plain(file: Path) -> int:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(f"SELECT * FROM read_parquet('{file}')").to_arrow_table().num_rows


def _timed(work: Callable[[], int]) -> float:
    begun = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - begun
    if rows != ROWS:
        raise ValueError(f"{rows} rows were read instead of {ROWS}")
    return seconds
