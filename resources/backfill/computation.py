"""What a streaming table should hold for some days, computed over pinned inputs, beside what it holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headwater.backfill import difference as sql
from headwater.backfill.difference import Difference
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Place, Scope
from headwater.compile.storage import ignores_deletes
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.batch.inputs import pin_inputs, protected
from resources.batch.rows import BATCH, Engine, batch_rows
from resources.duckdb import Session
from resources.paimon import tags
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore
from resources.paimon.writer import declared_schema
from resources.result_types import conform

if TYPE_CHECKING:
    import pyarrow

_NESTED = ("ARRAY", "MAP", "MULTISET", "ROW")


@dataclass(frozen=True, slots=True)
class Computed:
    """A piece of a table, computed, and compared with what is there.

    Args:
        snapshot: The table's, that was compared with; 0 for a table that nothing has been committed to.
        engine: What computed it.
        difference: In counts.
        emptied: Partitions that hold rows, and of which nothing was computed.
        lost: Topics of the model whose first records have gone.
        why_it_stays: Why rows that were not computed are not removed; "" when they are.
    """

    snapshot: int
    engine: str
    difference: Difference
    emptied: tuple[str, ...]
    lost: tuple[str, ...]
    why_it_stays: str
    _session: Session
    _model: Model
    _place: Place
    _piece: Scope

    @property
    def removes(self) -> bool:
        """Rows that were not computed do not belong there, and can be removed."""
        return not self.why_it_stays

    def rows(self, kind: Kind) -> "pyarrow.Table":
        """The rows that a backfill of this kind writes, as declared."""
        found = self._session.arrow(sql.to_write(self._model, self._place, self._piece, kind))
        return conform(self._model.name, found, declared_schema(self._model))

    def gone(self) -> "pyarrow.Table":
        """The keys of the rows that are to go."""
        return self._session.arrow(sql.to_remove(self._model, self._place, self._piece))


@contextmanager
def computed(stack: Stack, declared: Warehouse, model: Model, place: Place, piece: Scope) -> Iterator[Computed]:
    """Compute a piece over pinned inputs.

    The table's snapshot is pinned before the inputs: whatever is in it is in them.

    Raises HeadwaterError when an input is not there, or neither engine can run the model.
    """
    newest = FilesystemTableStore(stack.lake).latest_snapshot(model.name)
    tag = tags.named(f"backfill-{model.name}", tags.new_run_id())
    try:
        if newest is not None:
            tags.remove_stale(stack.lake, model.name)
            tags.create(stack.lake, model.name, newest.id, tag)
        inputs = pin_inputs(stack, declared, model)
        lost = tuple(str(topic.table) for topic in inputs.topics if topic.lost)
        with (
            protected(stack, model, inputs) as pinned,
            batch_rows(stack, declared, model, pinned) as batch,
        ):
            engine, session = batch.engine, batch.session
            names = ", ".join(f'"{column.name}"' for column in model.columns)
            condition = place.condition(piece)
            session.prepare(f"CREATE TABLE {sql.WANTED} AS SELECT {names} FROM {BATCH} WHERE {condition}")
            table = f'"{model.name.layer.value}"."{model.name.table}"'
            if newest is None:
                session.prepare(f"CREATE TABLE {sql.THERE} AS SELECT * FROM {sql.WANTED} WHERE FALSE")
            else:
                if engine is Engine.FLINK:
                    # The scratch table that Flink wrote has the same name, and has been read.
                    session.prepare(f"DROP VIEW IF EXISTS {BATCH}", f"DROP VIEW IF EXISTS {table}")
                session.add(PinnedTable(stack.lake, model.name, newest.id, None, place.comparisons(piece), tag))
                session.prepare(f"CREATE TABLE {sql.THERE} AS SELECT {names} FROM {table} WHERE {condition}")
            _refuse_doubled(session, model)
            counted = Difference(*session.rows(sql.counts(model, place, piece)).rows[0])
            emptied = session.rows(sql.emptied(model, place, piece)).rows if model.partition_by else ()
            yield Computed(
                newest.id if newest else 0,
                engine.value,
                counted,
                tuple("/".join(map(str, row)) for row in emptied),
                lost,
                _why_it_stays(model, lost),
                session,
                model,
                place,
                piece,
            )
    finally:
        tags.delete(stack.lake, model.name, tag)


def _why_it_stays(model: Model, lost: Sequence[str]) -> str:
    nested = [column.name for column in model.columns if column.type.root in _NESTED]
    if lost:
        return f"they may come from records that {', '.join(lost)} no longer have"
    if ignores_deletes(model):
        return f"{model.name} takes no deletions"
    return f"Paimon's merge_into takes no {model.column(nested[0]).type}, as {nested[0]} is" if nested else ""


def _refuse_doubled(session: Session, model: Model) -> None:
    rows = session.rows(sql.doubled(model)).rows[0][0]
    if rows:
        raise HeadwaterError(
            f"{rows:,} computed rows of {model.name} have a key that another one has, too, and which of them the stream"
            " keeps cannot be told",
            left="nothing was written",
            next_command=f"headwater apply --rebuild {model.name} lets the stream itself make the table anew",
        )
