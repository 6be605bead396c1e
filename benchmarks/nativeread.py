"""B5: an uncompacted key table through our reader, beside pypaimon with its native reader; the rows must be equal."""

import time

from benchmarks.figure import Figure, Goal
from benchmarks.flinkmade import flink_batch, make_orders, newest
from benchmarks.plainread import ROWS
from benchmarks.stand import Stand
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.paimon.reader import PinnedTable

_GROUPS = (
    ", 'write-only' = 'true', 'merge-engine' = 'partial-update', 'ignore-delete' = 'true',"
    " 'fields.updated_at.sequence-group' = 'status,price,waited'"
)
_TABLES = {
    "deduplicate": ", 'write-only' = 'true'",
    "partial-update with a sequence group": _GROUPS,
}


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """A figure for each way to merge."""
    with flink_batch(stand, "b5") as (stack, execute):
        figures = []
        for number, (name, options) in enumerate(_TABLES.items()):
            table = f"dwd.merged_{number}"
            stand.tell(f"B5 {name}: a key table of {ROWS:,} rows")
            make_orders(execute, table, ROWS, key=True, updates=0.1, options=options)
            figures.append(_figure(stand, stack, table, name, rounds))
        return figures


def _figure(stand: Stand, stack: Stack, table: str, name: str, rounds: int) -> Figure:
    snapshot = newest(stack, table)
    ours: list[float] = []
    reference: list[float] = []
    served = ""
    for number in range(rounds + 1):
        stand.tell(f"B5 {name}: " + (f"round {number} of {rounds}" if number else "a round that does not count"))
        begun = time.perf_counter()
        pinned = PinnedTable(stack.lake, TableName.parse(table), snapshot)
        rows = pinned.reader().read_all()
        between = time.perf_counter()
        others = _pypaimon(stack, table, snapshot)
        ended = time.perf_counter()
        served = str(pinned.served)
        if number:
            ours.append(ROWS / (between - begun))
            reference.append(ROWS / (ended - between))
        else:
            _refuse_different(rows, others)
    note = (
        f"{ROWS:,} keys, a tenth of them written again; all columns to Arrow, planning included; {served}; rows equal"
    )
    return Figure("B5", name, "rows/s", tuple(ours), tuple(reference), Goal(4, at_least=True), note)


def _pypaimon(stack: Stack, table: str, snapshot: int) -> object:
    from pypaimon import CatalogFactory
    from pypaimon.table.file_store_table import FileStoreTable

    found = CatalogFactory.create({"warehouse": f"file://{stack.lake}"}).get_table(table)
    assert isinstance(found, FileStoreTable)
    builder = found.copy({"read.native.enabled": "true", "scan.snapshot-id": str(snapshot)}).new_read_builder()
    return builder.new_read().to_arrow(builder.new_scan().plan().splits())


def _refuse_different(ours: object, theirs: object) -> None:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.register("ours", ours)
        connection.register("theirs", theirs)
        more = connection.sql("SELECT count(*) FROM (FROM ours EXCEPT ALL FROM theirs)").fetchall()[0][0]
        fewer = connection.sql("SELECT count(*) FROM (FROM theirs EXCEPT ALL FROM ours)").fetchall()[0][0]
    if more or fewer:
        raise HeadwaterError(
            f"Our reader and pypaimon differ: {more} rows too much, {fewer} missing",
            next_command="headwater bench reader",
        )
