"""One product's way from its table to the store."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from headwater.batch import Comparison, Operator
from headwater.engines import ActualTable, Snapshot
from headwater.lag.event_time import event_time_lag
from headwater.model import Warehouse
from headwater.problem import HeadwaterError
from headwater.serving.position import Position, instant, milliseconds
from headwater.serving.product import Product
from headwater.serving.stored import Row
from resources.keyvalue.store import FeederStore
from resources.paimon import consumers
from resources.paimon.changes import ChangedRows, in_step, why_not_by_changes
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore
from serving.feeder.netting import Net, Writes, keep_newest, net, newest_writes, plain_writes, stored
from serving.feeder.rows import Encoded, encoded

if TYPE_CHECKING:
    import pyarrow

CONSUMER = "serving."
"""What the names of the feeder's consumers begin with, before the product's."""

_MOST_CHANGES = 500_000  # beyond it the table is read whole: changes are added up in memory
_MOST_REREAD = 2_000


@dataclass(slots=True)
class Tail:
    """Moves the rows of one product on, from snapshot to snapshot of its table.

    What is stored is always what the table holds at one snapshot, and says which. The feeder may be killed between any
    two steps: rows and position change together, so it goes on from what is there.

    Args:
        product: What is served.
        warehouse: The declarations, for the lateness that the table's sources are allowed.
        lake: Paimon's warehouse.
        store: Where the rows go.
    """

    product: Product
    warehouse: Warehouse
    lake: Path
    store: FeederStore
    _tables: FilesystemTableStore = field(init=False)

    def __post_init__(self) -> None:
        self._tables = FilesystemTableStore(self.lake)

    def step(self) -> str:
        """Move on to the newest snapshot; give what was done, in words, or "" when there was nothing to do.

        Raises HeadwaterError when the table or the store cannot be read or written; what is served is as it was.
        """
        table = self._tables.table(self.product.table)
        target = in_step(self._tables, table) if table else None
        if table is None or target is None:
            return ""
        before = self.store.position(self.product.name)
        position = _decoded(before)
        if before is None or position is None:
            return self._load(table, target, before, "nothing of it was stored")
        if position.shape != self.product.shape:
            return self._load(table, target, before, "it is declared otherwise than before")
        committed_at = instant(position.committed_at)
        if (position.snapshot, committed_at) == (target.id, target.committed_at):
            return ""
        reason = why_not_by_changes(self._tables, table, position.snapshot, committed_at, target.id)
        if reason:
            return self._load(table, target, before, reason)
        return self._follow(table, position, target, before)

    def hold(self) -> None:
        """Keep what is read next from expiring; to be called now and then, so that it is not taken for forgotten."""
        position = _decoded(self.store.position(self.product.name))
        if position is not None:
            self._hold(position.snapshot)

    def _follow(self, table: ActualTable, position: Position, target: Snapshot, before: bytes) -> str:
        changed = ChangedRows(
            self.lake, self.product.table, position.snapshot, target.id, list(self.product.read), _MOST_CHANGES
        )
        found = net(_encoded(self.product, changed.reader()))
        if changed.was_cut:
            return self._load(table, target, before, f"more than {_MOST_CHANGES:,} rows changed")
        writes = self._writes(found, target)
        committed_at = instant(position.committed_at)
        reason = why_not_by_changes(self._tables, table, position.snapshot, committed_at, target.id)
        if reason:
            return self._load(table, target, before, reason)
        self.store.write(self.product.name, before, self._position(target).encode(), writes.puts, writes.deletes)
        self._hold(target.id)
        counts = f"{changed.rows_read:,} changes, {len(writes.puts):,} put, {len(writes.deletes):,} deleted"
        return f"snapshot {position.snapshot} → {target.id}: {counts}{_lost(found.homeless)}"

    def _writes(self, found: Net, target: Snapshot) -> Writes:
        if self.product.newest is None:
            return plain_writes(found, self._rows_of(found.unclear, target, found) if found.unclear else {})
        current = self.store.current(self.product.name, found.touched)
        return newest_writes(found, current, lambda addresses: self._rows_of(addresses, target, found))

    def _load(self, table: ActualTable, target: Snapshot, before: bytes | None, reason: str) -> str:
        """Store the whole table anew, beside what is served until then."""
        self._hold(target.id)
        self._still_there(target)
        count = homeless = 0
        with self.store.loading(self.product.name) as loading:
            kept: dict[bytes, Row] = {}
            for batch in PinnedTable(self.lake, table.name, target.id, list(self.product.read)).reader():
                homeless += keep_newest(kept, encoded(self.product, batch))
                if self.product.newest is None:
                    loading.put(stored(self.product, kept))
                    count += len(kept)
                    kept = {}
            loading.put(stored(self.product, kept))
            self._still_there(target)
            loading.finish(before, self._position(target).encode())
        return f"{count + len(kept):,} rows stored at snapshot {target.id}: {reason}{_lost(homeless)}"

    def _rows_of(self, addresses: Collection[bytes], target: Snapshot, found: Net) -> Mapping[bytes, Row]:
        """The newest rows at these addresses, read from the table."""
        where = self._where(addresses, found)
        kept: dict[bytes, Row] = {}
        table = PinnedTable(self.lake, self.product.table, target.id, list(self.product.read), where)
        for batch in table.reader():
            rows = encoded(self.product, _filtered(batch, where))
            keep_newest(kept, (row for row in rows if row[1].address in addresses))
        return kept

    def _where(self, addresses: Collection[bytes], found: Net) -> tuple[Comparison, ...]:
        """The values of each part of these addresses: a read that is limited by them gives a few other rows at most."""
        if len(addresses) > _MOST_REREAD:
            return ()
        rows: list[Mapping[str, Any]] = [orjson.loads(found.bodies[address]) for address in addresses]
        return tuple(
            Comparison(column.name, Operator.IN, tuple(sorted({row[column.name] for row in rows}, key=str)))
            for column in self.product.key
        )

    def _still_there(self, target: Snapshot) -> None:
        if self._tables.snapshot(self.product.table, target.id).committed_at != target.committed_at:
            raise HeadwaterError(
                f"{self.product.table} was replaced while it was read",
                left="what was served before is served on",
                next_command="nothing: it is read again at once",
            )

    def _position(self, snapshot: Snapshot) -> Position:
        now = datetime.now(UTC)
        lag = event_time_lag(self.warehouse.model(self.product.table), self.warehouse.model, snapshot, now)
        as_of = snapshot.committed_at if lag is None else now - lag
        return Position(snapshot.id, milliseconds(snapshot.committed_at), milliseconds(as_of), self.product.shape)

    def _hold(self, snapshot: int) -> None:
        consumers.hold(self.lake, self.product.table, f"{CONSUMER}{self.product.name}", snapshot)


def _encoded(product: Product, batches: "Iterable[pyarrow.RecordBatch]") -> Iterator[tuple[str, Encoded]]:
    for batch in batches:
        yield from encoded(product, batch)


def _filtered(batch: "pyarrow.RecordBatch", where: Sequence[Comparison]) -> "pyarrow.RecordBatch":
    """Without most rows that the comparisons leave out, before each of the others is looked at in Python."""
    import pyarrow
    from pyarrow import compute

    for comparison in where:
        column = batch.column(comparison.column)
        if pyarrow.types.is_string(column.type):
            wanted = pyarrow.array(comparison.values, column.type)
            batch = batch.filter(compute.is_in(column, value_set=wanted))  # type: ignore[attr-defined]
    return batch


def _decoded(stored_position: bytes | None) -> Position | None:
    """None also for one that another version has written: then the table is read whole."""
    try:
        return None if stored_position is None else Position.decode(stored_position)
    except (ValueError, KeyError, TypeError):
        return None


def _lost(homeless: int) -> str:
    return f"; {homeless:,} rows have no address, a part of it is NULL or it is too long" if homeless else ""
