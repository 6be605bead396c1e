"""Editions of a report's partitions: each time one is written is an edition, with its reason and what it changed.

They are kept in the snapshots of the report's own table, as properties of the commit, and nowhere else.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from headwater.batch import Partition
from headwater.model import Grain, Model, TableName

RUN = "headwater.run"
INPUTS = "headwater.inputs"
DECLARED = "headwater.declared"
PARTITIONS = "headwater.partitions"


class Cause(StrEnum):
    """Why a partition was written."""

    FIRST = "first"
    ASKED = "asked for"
    COMPLETED = "completed"
    REDECLARED = "declaration changed"
    LATE = "late data"


@dataclass(frozen=True, slots=True)
class Change:
    """What an edition has more, or less, than the one before it.

    Args:
        rows: Rows more.
        totals: For each column of whole or decimal numbers whose sum is another one, by how much.
        same: Not one row differs.
    """

    rows: int = 0
    totals: tuple[tuple[str, Decimal], ...] = ()
    same: bool = False

    def __str__(self) -> str:
        if self.same:
            return "nothing changed"
        parts = [f"{name} {difference:+,}" for name, difference in self.totals]
        if self.rows:
            parts.append(f"rows {self.rows:+,}")
        return ", ".join(parts) or "values changed"


@dataclass(frozen=True, slots=True)
class Written:
    """A partition as a commit wrote it.

    Args:
        rows: How many it has.
        complete: Its day or month was over, and the inputs had passed its end.
        change: Against the edition before; None when there was none.
    """

    partition: Partition
    rows: int
    complete: bool
    cause: Cause
    change: Change | None = None

    @property
    def reason(self) -> str:
        """Cause and change in words: `late data: created +3, revenue +41.50`."""
        return self.cause.value if self.change is None else f"{self.cause.value}: {self.change}"


@dataclass(frozen=True, slots=True)
class Edition:
    """A partition as one snapshot has it, and what it was computed from.

    Args:
        snapshot_id: Of the report's table.
        committed_at: When.
        run: The run that wrote it.
        inputs: The snapshots it was computed from.
        declared: The hash of the declaration then (`declared_as`).
    """

    written: Written
    snapshot_id: int
    committed_at: datetime
    run: str
    inputs: Mapping[TableName, int]
    declared: str


def cause(complete: bool, declared: str, before: Edition | None) -> Cause:
    """Why a partition is written for which nobody has asked, given that its rows differ from those before.

    Args:
        complete: As it is now.
        declared: The declaration's hash now.
        before: The newest edition; None when there is none.
    """
    if before is None:
        return Cause.FIRST
    if complete and not before.written.complete:
        return Cause.COMPLETED
    return Cause.LATE if declared == before.declared else Cause.REDECLARED


def declared_as(model: Model) -> str:
    """A hash that changes with what decides over a report's rows: its SQL and its columns."""
    parts = [flow.sql for flow in model.flows] + [f"{column.name} {column.type}" for column in model.columns]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def properties(run: str, inputs: Mapping[TableName, int], declared: str, written: Iterable[Written]) -> dict[str, str]:
    """The properties of a commit that writes these partitions."""
    return {
        RUN: run,
        INPUTS: " ".join(f"{table}={snapshot_id}" for table, snapshot_id in inputs.items()),
        DECLARED: declared,
        PARTITIONS: json.dumps([_document(each) for each in written], ensure_ascii=False, separators=(",", ":")),
    }


def editions(snapshot_id: int, committed_at: datetime, kept: Mapping[str, str]) -> Sequence[Edition]:
    """The editions that a commit with these properties wrote; none when a report run did not make it."""
    if PARTITIONS not in kept:
        return ()
    pairs = (pair.rpartition("=") for pair in kept[INPUTS].split())
    inputs = {TableName.parse(table): int(number) for table, _, number in pairs}
    return tuple(
        Edition(_read(document), snapshot_id, committed_at, kept[RUN], inputs, kept[DECLARED])
        for document in json.loads(kept[PARTITIONS])
    )


def _document(written: Written) -> dict:
    document = {
        "market": written.partition.market,
        "date": written.partition.local_date.isoformat(),
        "grain": written.partition.grain.value,
        "rows": written.rows,
        "complete": written.complete,
        "cause": written.cause.value,
    }
    change = written.change
    if change is not None:
        totals = {name: str(difference) for name, difference in change.totals}
        document["change"] = {"rows": change.rows, "totals": totals, "same": change.same}
    return document


def _read(document: Mapping) -> Written:
    change = document.get("change")
    return Written(
        Partition(document["market"], date.fromisoformat(document["date"]), Grain(document["grain"])),
        document["rows"],
        document["complete"],
        Cause(document["cause"]),
        change
        and Change(
            change["rows"],
            tuple((name, Decimal(difference)) for name, difference in change["totals"].items()),
            change["same"],
        ),
    )
