"""The steps that a backfill is made of, in the order of the tables' dependencies. Each says why it exists."""

from dataclasses import dataclass

from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.model import Model, TableName


@dataclass(frozen=True, slots=True)
class WriteTable:
    """A table that a stream keeps is computed by batch, and what differs goes into it in one commit a piece.

    Args:
        pieces: Scopes that are written one after the other: what is written stays when a later one fails.
        upstream: Tables of this backfill that it reads; when nothing is changed in them, there is nothing to do. None
            for the table that was asked for.
    """

    model: Model
    kind: Kind
    pieces: tuple[Scope, ...]
    upstream: tuple[TableName, ...] | None = None

    @property
    def table(self) -> TableName:
        """The table that it is about."""
        return self.model.name

    @property
    def scope(self) -> Scope:
        """All pieces together."""
        return Scope(self.pieces[0].first, self.pieces[-1].last, self.pieces[0].markets)

    def describe(self) -> str:
        """The stage in one line."""
        commits = "" if len(self.pieces) == 1 else f", in {len(self.pieces)} commits"
        return f"{self.kind.value} {self.table}, {self.scope}: {self.kind.effect}{commits}"


@dataclass(frozen=True, slots=True)
class AwaitReader:
    """The job of the next table reads what was written as changes, and writes what follows from them by its own state.

    What it writes must be there before its table is looked at: it would come on top of it otherwise.
    """

    model: Model
    upstream: tuple[TableName, ...]

    @property
    def table(self) -> TableName:
        """The table whose job is waited for."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"wait until job {self.table} has read what was written to {', '.join(map(str, self.upstream))}"


@dataclass(frozen=True, slots=True)
class MakeReport:
    """A report is computed again for the local days that the change can touch, of the days that it was made for."""

    model: Model
    scope: Scope
    upstream: tuple[TableName, ...]

    @property
    def table(self) -> TableName:
        """The report."""
        return self.model.name

    def describe(self) -> str:
        """The stage in one line."""
        return f"correct {self.table}, local days {self.scope}, of those that were made"


Stage = WriteTable | AwaitReader | MakeReport


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill does, in order.

    Args:
        refusals: Why it cannot be done as it was asked for, each with what to do.
    """

    stages: tuple[Stage, ...]
    refusals: tuple[str, ...] = ()
