"""What is remembered of a table's checks: up to where each was evaluated, and what it found.

One file for each table, `<home>/checks/<table>.json`. Without it every check reads its table from the beginning.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from headwater.checks.kinds import Check
from headwater.checks.outcome import Outcome, declared_as
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.wholefile import write_whole

_FOLDER = "checks"
# Looks at one table follow each other: a second one waits for as long as a read of the whole table takes.
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One table as it was at an evaluation.

    Args:
        snapshot: Up to which it was read.
        committed_at: When that snapshot was committed: it tells the snapshot from a later one of its number.
        newest: The newest snapshot that there was.
    """

    snapshot: int
    committed_at: datetime
    newest: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """A check's newest evaluation.

    Args:
        declared: What the check asked (`headwater.checks.outcome.declared_as`).
        seen: The tables that it read, by name.
        counts: Further numbers that the next evaluation compares with.
        outcome: What was found, as JSON: what `Outcome` has, without the check.
    """

    declared: str
    seen: Mapping[str, Seen]
    outcome: Mapping[str, Any]
    counts: Mapping[str, Any] = field(default_factory=dict)

    def is_of(self, check: Check) -> bool:
        """The check asks what it asked then."""
        return self.declared == declared_as(check)

    def as_outcome(self, check: Check) -> Outcome:
        """What was found."""
        found = dict(self.outcome)
        at = datetime.fromisoformat(found.pop("at"))
        sample = tuple(found.pop("sample"))
        return Outcome(check=check, at=at, sample=sample, **found)


def remembered_of(outcome: Outcome, seen: Mapping[str, Seen], counts: Mapping[str, Any] | None = None) -> Remembered:
    """What is to be remembered of an outcome."""
    found = {key: value for key, value in asdict(outcome).items() if key != "check"}
    found |= {"at": outcome.at.isoformat(), "sample": [dict(row) for row in outcome.sample]}
    return Remembered(declared_as(outcome.check), seen, found, counts or {})


def recall(home: Path, table: TableName) -> dict[str, Remembered]:
    """What is remembered, by the check's name. A file that cannot be read is as one that is not there."""
    try:
        entries = orjson.loads(_file(home, table).read_bytes())
        return {
            name: Remembered(
                entry["declared"],
                {
                    table: Seen(seen["snapshot"], datetime.fromisoformat(seen["committed_at"]), seen["newest"])
                    for table, seen in entry["seen"].items()
                },
                entry["outcome"],
                entry["counts"],
            )
            for name, entry in entries.items()
        }
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def remember(home: Path, table: TableName, remembered: Mapping[str, Remembered]) -> None:
    """Put this in the place of what was remembered."""
    file = _file(home, table)
    file.parent.mkdir(parents=True, exist_ok=True)
    entries = {
        name: {
            "declared": entry.declared,
            "seen": {
                table: {"snapshot": seen.snapshot, "committed_at": seen.committed_at.isoformat(), "newest": seen.newest}
                for table, seen in entry.seen.items()
            },
            "outcome": dict(entry.outcome),
            "counts": dict(entry.counts),
        }
        for name, entry in remembered.items()
    }
    write_whole(file, orjson.dumps(entries, option=orjson.OPT_INDENT_2))


@contextlib.contextmanager
def alone(home: Path, table: TableName) -> Iterator[None]:
    """Be the only one that looks at this table's checks, among all processes of this machine."""
    from filelock import FileLock, Timeout

    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{table}.checks.lock", timeout=_PATIENCE):
            yield
    except Timeout as error:
        raise HeadwaterError(
            f"The checks of {table} are being evaluated elsewhere, and that did not end in {_PATIENCE:g} s",
            left="nothing was read",
            next_command=f"headwater check {table}, when it has ended",
        ) from error


def _file(home: Path, table: TableName) -> Path:
    return home / _FOLDER / f"{table}.json"
