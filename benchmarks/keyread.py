"""B4: key tables, compacted and not, through our reader, beside DuckDB on the same rows as plain Parquet."""

from benchmarks.figure import Figure, Goal
from benchmarks.flinkmade import flink_batch, make_orders
from benchmarks.plainread import ROWS, beside_plain
from benchmarks.stand import Stand

_UNCOMPACTED = ", 'write-only' = 'true'"


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """A figure for a compacted table, and one for an uncompacted one of which a tenth was written again."""
    with flink_batch(stand, "b4") as (stack, execute):
        stand.tell(f"B4: key tables of {ROWS:,} rows")
        make_orders(execute, "dwd.compacted", ROWS, key=True, updates=0.1, options=_UNCOMPACTED)
        execute("CALL sys.compact(`table` => 'dwd.compacted')")
        make_orders(execute, "dwd.uncompacted", ROWS, key=True, updates=0.1, options=_UNCOMPACTED)
        name = "key table, uncompacted, a tenth updated"
        return [
            beside_plain(stand, stack, "B4", "dwd.compacted", "key table, compacted", Goal(1.5), rounds),
            beside_plain(stand, stack, "B4", "dwd.uncompacted", name, Goal(4), rounds),
        ]
