"""B3: a full read of an append table through our reader, beside DuckDB on the same rows as plain Parquet."""

from benchmarks.figure import Figure, Goal
from benchmarks.flinkmade import flink_batch, make_orders
from benchmarks.plainread import ROWS, beside_plain
from benchmarks.stand import Stand


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """One figure."""
    with flink_batch(stand, "b3") as (stack, execute):
        stand.tell(f"B3: an append table of {ROWS:,} rows")
        make_orders(execute, "dwd.appended", ROWS, key=False)
        return [beside_plain(stand, stack, "B3", "dwd.appended", "append table", Goal(1.3), rounds)]
