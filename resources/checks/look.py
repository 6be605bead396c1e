"""One look at a table's checks: what is there, what is remembered, and from where on each check has to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headwater.checks.kinds import Check
from headwater.checks.outcome import SAMPLE, Outcome, Sample
from headwater.duckdb_text import quoted
from headwater.engines import ActualTable, Snapshot
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.checks.memory import Remembered, Seen, remembered_of
from resources.duckdb import Rows, Session
from resources.paimon.changes import KIND, ChangedRows, in_step, why_not_by_changes
from resources.paimon.store import FilesystemTableStore

SIGN = '"headwater sign"'
CHANGED = "changed"

Found = tuple[Outcome, Remembered]


@dataclass(frozen=True, slots=True)
class Start:
    """From where on a check reads its table.

    Args:
        after: The snapshot whose rows have been seen; None to read the table whole.
        why: Why the table is read whole.
        before: What had been found, to go on from.
    """

    after: int | None = None
    why: str = ""
    before: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one table.

    Args:
        snapshot: Of the table, up to which is read: one from which changes can be counted later.
        newest: The number of the newest one.
        remembered: By the check's name.
        whole: Read everything anew, whatever is remembered.
    """

    stack: Stack
    warehouse: Warehouse
    model: Model
    table: ActualTable
    snapshot: Snapshot
    newest: int
    at: datetime
    memory_limit: str
    remembered: Mapping[str, Remembered] = field(default_factory=dict)
    whole: bool = False

    @property
    def store(self) -> FilesystemTableStore:
        """The lake's tables."""
        return FilesystemTableStore(self.stack.lake)

    @property
    def at_most(self) -> int:
        """Rows to read of a table."""
        return self.model.check_rows

    @property
    def seen(self) -> Seen:
        """The table as it is now."""
        return Seen(self.snapshot.id, self.snapshot.committed_at, self.newest)

    def memory_of(self, check: Check) -> Remembered | None:
        """What is remembered of this very check, and may be built upon."""
        memory = self.remembered.get(check.name)
        return memory if memory is not None and memory.is_of(check) and not self.whole else None

    def start(self, check: Check) -> Start:
        """From where on this check reads the table."""
        if self.whole:
            return Start(why="as was asked for")
        memory = self.memory_of(check)
        if memory is None:
            changed = check.name in self.remembered
            return Start(why="the check asks something else than before" if changed else "it is the first look")
        seen = memory.seen.get(str(self.model.name))
        if seen is None:
            return Start(why="it is the first look")
        why = why_not_by_changes(self.store, self.table, seen.snapshot, seen.committed_at, self.snapshot.id)
        return Start(why=why) if why else Start(seen.snapshot, before=memory.as_outcome(check))

    def changes(self, after: int, columns: Sequence[str]) -> ChangedRows:
        """What was changed in these columns since then; the key comes with them."""
        wanted = tuple(dict.fromkeys((*self.table.key, *columns)))
        return ChangedRows(self.stack.lake, self.model.name, after, self.snapshot.id, wanted, self.at_most)

    def found(
        self,
        check: Check,
        start: Start,
        failing: int,
        *,
        sample: Sample = (),
        read: int = 0,
        is_cut: bool = False,
        counted: str = "rows",
        said: str = "",
        passed: bool | None = None,
        others: Mapping[TableName, Seen] | None = None,
        counts: Mapping[str, Any] | None = None,
    ) -> Found:
        """An outcome, and what is to be remembered of it.

        Args:
            start: From where on it was read.
            others: What was read beside the table.
            counts: Further numbers for the next look.
        """
        seen = {self.model.name: self.seen, **(others or {})}
        read_at = {str(name): entry.newest for name, entry in (others or {}).items() if name != self.model.name}
        carried = start.before is not None and start.before.is_cut
        outcome = Outcome(
            check=check,
            passed=failing == 0 if passed is None else passed,
            failing=failing,
            snapshot=self.snapshot.id,
            at=self.at,
            since=start.after,
            counted=counted,
            sample=sample[:SAMPLE],
            read=read,
            is_cut=is_cut or carried,
            said=said or (f"read whole: {start.why}" if start.why else ""),
            snapshots={str(self.model.name): self.snapshot.id, **read_at},
        )
        return outcome, remembered_of(outcome, {str(name): entry for name, entry in seen.items()}, counts)


def count_changes(session: Session, look: Look, columns: Sequence[str]) -> None:
    """Make the table `changed` of the stream `changes`: rows that came have the sign 1, those that went -1.

    What came and went again in between cancels out, in whatever order the changelog's files are read: the signed count
    of each row is all that is left of it. Rows of a table without a key only come.
    """
    wanted = ", ".join(quoted(column) for column in dict.fromkeys((*look.table.key, *columns)))
    if look.table.key:
        sign = f"SUM(CASE WHEN {KIND} IN ('+I', '+U') THEN 1 ELSE -1 END)"
        session.prepare(
            f"CREATE TABLE {CHANGED} AS SELECT {wanted}, {sign} AS {SIGN} FROM changes GROUP BY ALL HAVING {sign} <> 0"
        )
    else:
        session.prepare(f"CREATE TABLE {CHANGED} AS SELECT {wanted}, 1 AS {SIGN} FROM changes")


def texts(rows: Rows) -> Sample:
    """Rows for people to read."""
    return tuple({column: _text(value) for column, value in zip(rows.columns, row, strict=True)} for row in rows.rows)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)


def newest_seen(store: FilesystemTableStore, name: TableName) -> Seen:
    """Another table that a check reads, as it is now; of it the newest snapshot is read.

    Raises HeadwaterError when it is not there, or nothing was committed to it.
    """
    table = store.table(name)
    newest = store.latest_snapshot(name)
    if table is None or newest is None:
        raise HeadwaterError(f"{name} has no snapshot yet, and a check reads it", next_command="headwater status")
    settled = in_step(store, table) or newest
    return Seen(settled.id, settled.committed_at, max(newest.id, settled.id))
