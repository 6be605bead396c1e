"""The book of alerts: what is open, what was told, and what is still to be sent. SQLite, below the state folder.

An incident's change and the messages that tell of it are written in one transaction, and a message is deleted only when
its destination has taken it: whatever is killed in between, a message is sent at least once.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from headwater.alerts.incident import Incident
from headwater.alerts.silence import Silence
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.alerting.addresses import Destination

_KEEP = timedelta(days=90)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS incident (id TEXT PRIMARY KEY, number INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, incident TEXT NOT NULL, change TEXT NOT NULL, title TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS history_at ON history (at);
CREATE TABLE IF NOT EXISTS told (incident TEXT, destination TEXT, PRIMARY KEY (incident, destination));
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, destination TEXT NOT NULL, name TEXT NOT NULL, incident TEXT NOT NULL,
    change TEXT NOT NULL, content TEXT NOT NULL, written_at TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due_at TEXT NOT NULL, error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS outbox_destination ON outbox (destination, id);
CREATE TABLE IF NOT EXISTS silence (id TEXT PRIMARY KEY, pattern TEXT, until TEXT, reason TEXT);
CREATE TABLE IF NOT EXISTS settled (run TEXT PRIMARY KEY, at TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Message:
    """What one destination is sent.

    Args:
        incident: Whose.
        change: What became of it.
        title: A line.
        body: The text for people.
        severity: Of the incident.
        content: The same for programs (headwater.alerts.text.as_json).
    """

    incident: str
    change: str
    title: str
    body: str
    severity: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that its destination has not taken yet.

    Args:
        id: In the order in which they are sent.
        destination: Key of the destination.
        name: Its name.
        message: What is sent.
        written_at: When the change happened.
        attempts: How often it was tried.
        due_at: When it is tried next.
        error: Why it was not taken last, without secrets.
    """

    id: int
    destination: str
    name: str
    message: Message
    written_at: datetime
    attempts: int
    due_at: datetime
    error: str


class Book:
    """The book of one stack. Each call opens the file for itself, so that threads and processes may share it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.writing() as page:
            page.executescript(_SCHEMA)

    @classmethod
    def of(cls, stack: Stack) -> "Book":
        """The stack's book, made when there is none. Raises HeadwaterError when it cannot be read or written."""
        return cls(stack.home / "alerts" / "book.db")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of what is done in it is kept, or nothing.

        Raises HeadwaterError when the file cannot be read or written.
        """
        try:
            with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as page:
                page.execute("PRAGMA journal_mode=WAL")
                page.execute("PRAGMA synchronous=FULL")
                page.execute("BEGIN IMMEDIATE")
                try:
                    yield page
                except BaseException:
                    if page.in_transaction:
                        page.execute("ROLLBACK")
                    raise
                if page.in_transaction:
                    page.execute("COMMIT")
        except sqlite3.Error as error:
            raise HeadwaterError(
                f"The book of alerts, {self._file}, cannot be used: {error}",
                left="what was written before; nothing of this change",
                next_command="make room on the disk, or move a damaged file away: a new one is made",
            ) from error

    @property
    def salt(self) -> bytes:
        """What keys of destinations are made with; of this book alone."""
        with self.writing() as page:
            page.execute("INSERT OR IGNORE INTO setting VALUES ('salt', ?)", (secrets.token_hex(16),))
            return bytes.fromhex(page.execute("SELECT value FROM setting WHERE name = 'salt'").fetchone()[0])

    def incidents(self) -> tuple[Incident, ...]:
        """Those that are not over, oldest first."""
        with self.writing() as page:
            return incidents(page)

    def history(self, most: int) -> list[dict[str, Any]]:
        """What was told, newest first: at, change, title, and the incident as JSON."""
        with self.writing() as page:
            rows = page.execute("SELECT at, change, title, content FROM history ORDER BY id DESC LIMIT ?", (most,))
            return [
                {"at": at, "change": change, "title": title, "incident": json.loads(content)}
                for at, change, title, content in rows
            ]

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """Those asked for by hand that have not ended."""
        asked = "SELECT pattern, until, reason, id FROM silence WHERE until > ? ORDER BY until"
        with self.writing() as page:
            rows = page.execute(asked, (now.isoformat(),)).fetchall()
        return tuple(
            Silence(pattern, datetime.fromisoformat(until), reason, id_) for pattern, until, reason, id_ in rows
        )

    def add_silence(self, pattern: str, until: datetime, reason: str) -> Silence:
        """Tell nobody of what the pattern matches until then."""
        silence = Silence(pattern, until, reason, secrets.token_hex(3))
        with self.writing() as page:
            row = (silence.id, pattern, until.isoformat(), reason)
            page.execute("INSERT INTO silence (id, pattern, until, reason) VALUES (?, ?, ?, ?)", row)
        return silence

    def end_silence(self, id_: str) -> bool:
        """End a silence before its time. False when there is none of this id."""
        with self.writing() as page:
            return page.execute("DELETE FROM silence WHERE id = ?", (id_,)).rowcount > 0

    def unsent(self) -> tuple[Unsent, ...]:
        """Every message that has not arrived, in order."""
        with self.writing() as page:
            rows = page.execute(f"SELECT {_UNSENT} FROM outbox ORDER BY id").fetchall()
        return tuple(_unsent(row) for row in rows)

    def next_for(self, destination: Destination) -> Unsent | None:
        """The destination's oldest message: no later one overtakes it."""
        with self.writing() as page:
            found = page.execute(
                f"SELECT {_UNSENT} FROM outbox WHERE destination = ? ORDER BY id LIMIT 1", (destination.key,)
            ).fetchone()
        return None if found is None else _unsent(found)

    def taken(self, unsent: Unsent) -> None:
        """The destination has it."""
        with self.writing() as page:
            page.execute("DELETE FROM outbox WHERE id = ?", (unsent.id,))

    def refused(self, unsent: Unsent, error: str, due_at: datetime) -> None:
        """The destination did not take it; when it is tried next."""
        with self.writing() as page:
            page.execute(
                "UPDATE outbox SET attempts = attempts + 1, error = ?, due_at = ? WHERE id = ?",
                (error, due_at.isoformat(), unsent.id),
            )

    def adopt(self, known: Sequence[Destination]) -> None:
        """Give messages of an address that is gone to the one destination of the same name: its secret was changed."""
        keys = {destination.key for destination in known}
        with self.writing() as page:
            rows = page.execute("SELECT DISTINCT destination, name FROM outbox").fetchall()
            for old, name in rows:
                heirs = [each for each in known if each.name == name]
                if old not in keys and len(heirs) == 1:
                    page.execute("UPDATE outbox SET destination = ? WHERE destination = ?", (heirs[0].key, old))

    def looked_at(self) -> datetime | None:
        """When the stack was looked at last, or None."""
        with self.writing() as page:
            row = page.execute("SELECT value FROM setting WHERE name = 'looked_at'").fetchone()
        return datetime.fromisoformat(row[0]) if row else None


def incidents(page: sqlite3.Connection) -> tuple[Incident, ...]:
    """Those that are not over, oldest first."""
    rows = page.execute("SELECT content FROM incident ORDER BY number").fetchall()
    return tuple(_stored().validate_json(content) for (content,) in rows)


def keep(page: sqlite3.Connection, found: Sequence[Incident], at: datetime) -> None:
    """Make these the incidents that are not over."""
    page.execute("DELETE FROM incident")
    kept = [each for each in found if each.over_at is None]
    rows = [(each.id, number, _stored().dump_json(each).decode()) for number, each in enumerate(kept)]
    page.executemany("INSERT INTO incident VALUES (?, ?, ?)", rows)
    page.execute("INSERT OR REPLACE INTO setting VALUES ('looked_at', ?)", (at.isoformat(),))


def tell(page: sqlite3.Connection, message: Message, destinations: Sequence[Destination], at: datetime) -> None:
    """Note a change, and that these destinations are to be sent it; those that were told of the incident before, too.

    A repetition is not written for a destination that has not taken the incident's earlier messages yet.
    """
    now = at.isoformat()
    content = json.dumps(message.content)
    page.execute(
        "INSERT INTO history (at, incident, change, title, content) VALUES (?, ?, ?, ?, ?)",
        (now, message.incident, message.change, message.title, content),
    )
    page.execute("DELETE FROM history WHERE at < ?", ((at - _KEEP).isoformat(),))
    for destination in destinations:
        waits = page.execute(
            "SELECT 1 FROM outbox WHERE destination = ? AND incident = ?", (destination.key, message.incident)
        ).fetchone()
        if waits and message.change == "repeated":
            continue
        row = (destination.key, destination.name, message.incident, message.change, _written(message), now, now)
        page.execute(
            "INSERT INTO outbox (destination, name, incident, change, content, written_at, due_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        page.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (message.incident, destination.key))
    if message.change == "resolved":
        over = (message.incident, *message.content.get("includes", ()))
        page.executemany("DELETE FROM told WHERE incident = ?", [(each,) for each in over])


def told_before(page: sqlite3.Connection, incidents: Sequence[str]) -> frozenset[str]:
    """Keys of the destinations that were told of one of these incidents."""
    asked = f"SELECT destination FROM told WHERE incident IN ({', '.join('?' * len(incidents))})"
    return frozenset(key for (key,) in page.execute(asked, tuple(incidents)))


def settle(page: sqlite3.Connection, runs: Sequence[str], at: datetime) -> frozenset[str]:
    """Remember that these failed runs have been made good; give all that are."""
    page.executemany("INSERT OR IGNORE INTO settled VALUES (?, ?)", [(run, at.isoformat()) for run in runs])
    page.execute("DELETE FROM settled WHERE at < ?", ((at - _KEEP).isoformat(),))
    return frozenset(run for (run,) in page.execute("SELECT run FROM settled"))


_UNSENT = "id, destination, name, content, written_at, attempts, due_at, error"


def _unsent(row: tuple[Any, ...]) -> Unsent:
    id_, destination, name, content, written_at, attempts, due_at, error = row
    instants = datetime.fromisoformat(written_at), attempts, datetime.fromisoformat(due_at)
    return Unsent(id_, destination, name, Message(**json.loads(content)), *instants, error)


def _written(message: Message) -> str:
    return json.dumps({name: getattr(message, name) for name in Message.__slots__})


@cache
def _stored() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Incident)
