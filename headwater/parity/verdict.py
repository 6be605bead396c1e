"""What a comparison of a streamed table with its batch result found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from headwater.model import TableName

SHOWN = 100
"""Differences that a result holds at most; all are counted."""


class Verdict(StrEnum):
    """What is to be said of the two."""

    EQUAL = "equal"
    LATE = "late data explains it"
    WRONG = "wrong"


class Kind(StrEnum):
    """How a key differs."""

    CHANGED = "changed"
    MISSING = "missing"
    """Batch has a row, the streamed table has none."""
    EXTRA = "extra"
    """The streamed table has a row, batch has none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One key of which the streamed table says something else than batch.

    Args:
        key: As column → text.
        kind: How it differs.
        columns: The columns that differ, each with what is streamed and what batch gives, as text; NULL is None. Of a
            row that one side lacks, all columns but the key's.
        explained: Late data explains it: the streamed row is what the stream gives without records that came when
            their window had closed.
        because: Why, in words; "" where nothing explains it.
        late: How many late records the streamed row lacks.
    """

    key: Mapping[str, str | None]
    kind: Kind
    columns: Mapping[str, tuple[str | None, str | None]]
    explained: bool = False
    because: str = ""
    late: int = 0

    def __str__(self) -> str:
        key = ", ".join(f"{name}={value}" for name, value in self.key.items())
        match self.kind:
            case Kind.MISSING:
                return f"{key}: not in the streamed table"
            case Kind.EXTRA:
                return f"{key}: in the streamed table alone"
        told = "; ".join(f"{name} is {streamed}, by batch {batch}" for name, (streamed, batch) in self.columns.items())
        return f"{key}: {told}"


@dataclass(frozen=True, slots=True)
class Parity:
    """One comparison of one model.

    Args:
        model: Which.
        verdict: What came of it.
        engine: What computed the batch result.
        snapshot: Of the streamed table.
        watermark: Up to which its windows were compared; of a table without windows, that of its snapshot.
        rows: Rows of the streamed table that were compared.
        in_flight: Keys that records touch which the stream may not have taken in yet: left for the next look.
        unclear: Keys of which batch cannot tell what the stream must say: a record that the engines may read
            differently, rows whose order is not known, or whose first records are no longer on their topic.
        differing: Keys that differ.
        explained: Those among them that late data explains.
        differences: Some of them, those that nothing explains first.
        looks: How often was looked: a difference is told when it is still there at a later position of the stream.
        inputs: What batch read: snapshots by table, and behind the last record by partition (`ods.orders/0`).
        repaired: Keys that were written anew from batch.
        late_by_market: Late records that were found, by market; under "" where there is no market.
        at: When.
        seconds: How long it took.
    """

    model: TableName
    verdict: Verdict
    engine: str
    snapshot: int
    watermark: datetime | None
    rows: int
    at: datetime
    seconds: float
    in_flight: int = 0
    unclear: int = 0
    differing: int = 0
    explained: int = 0
    differences: tuple[Difference, ...] = ()
    looks: int = 1
    inputs: Mapping[str, int] = field(default_factory=dict)
    repaired: int = 0
    late_by_market: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "model": str(self.model),
            "verdict": self.verdict.value,
            "engine": self.engine,
            "snapshot": self.snapshot,
            "watermark": self.watermark.isoformat() if self.watermark else None,
            "rows_compared": self.rows,
            "keys_in_flight": self.in_flight,
            "keys_unclear": self.unclear,
            "keys_differing": self.differing,
            "keys_explained": self.explained,
            "keys_repaired": self.repaired,
            "late_records": dict(self.late_by_market),
            "looks": self.looks,
            "inputs": dict(self.inputs),
            "at": self.at.isoformat(),
            "seconds": round(self.seconds, 3),
            "differences": [
                {
                    "key": dict(each.key),
                    "kind": each.kind.value,
                    "columns": {
                        name: {"streamed": streamed, "batch": batch} for name, (streamed, batch) in each.columns.items()
                    },
                    "explained": each.explained,
                    "because": each.because,
                    "late_records": each.late,
                }
                for each in self.differences
            ],
        }


def judged(differences: Sequence[Difference]) -> Verdict:
    """Nothing differs; all that does is explained; or something is wrong."""
    if not differences:
        return Verdict.EQUAL
    return Verdict.LATE if all(each.explained for each in differences) else Verdict.WRONG
