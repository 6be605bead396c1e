"""What a backfill has done so far, on disk: the same command again goes on behind it, also after a kill."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.backfill.build import Request
from headwater.backfill.scope import Scope
from headwater.model import TableName
from headwater.stack import Stack
from headwater.wholefile import write_whole


@dataclass(slots=True)
class Record:
    """One backfill's progress. Every change is on disk before the method returns.

    Args:
        folder: Where it lies, and what is staged.
        id: Of this backfill; commits carry it.
        asked: The request, in JSON's terms.
        written: By table and piece, the newest snapshot that was written; None while a commit is under way, and
            afterwards when nobody could note its snapshot.
        done: Tables and pieces that need not be looked at any more.
        paused: The table whose job was stopped for a moment, and has not come back yet; "" for none.
        resumed: Part of it was done by a process that did not come to its end.
    """

    folder: Path
    id: str
    asked: Mapping[str, Any]
    written: dict[str, int | None] = field(default_factory=dict[str, int | None])
    done: list[str] = field(default_factory=list[str])
    paused: str = ""
    resumed: bool = False

    @property
    def user(self) -> str:
        """What the names of its commits' users begin with."""
        return f"headwater-backfill-{self.id}"

    @property
    def staging(self) -> Path:
        """The lake in which it stages rows."""
        return self.folder / "staging"

    def is_done(self, table: TableName, piece: Scope) -> bool:
        """The piece has been written, or there was nothing to write, and nobody has come back to it."""
        return _key(table, piece) in self.done

    def may_be_written(self, table: TableName, piece: Scope) -> bool:
        """Something of the piece has been written, or a commit was begun of which nobody could note how it ended."""
        return _key(table, piece) in self.written

    def begin_commit(self, table: TableName, piece: Scope) -> None:
        """Note that a piece is about to be written: a process that is killed then cannot say whether it was."""
        self.written.setdefault(_key(table, piece), None)
        self._save()

    def write(self, table: TableName, piece: Scope, snapshot: int) -> None:
        """Note that a piece has been written."""
        self.written[_key(table, piece)] = snapshot
        self._save()

    def finish(self, table: TableName, piece: Scope) -> None:
        """Note that a piece is done."""
        self.done.append(_key(table, piece))
        self._save()

    def pause(self, table: TableName | None) -> None:
        """Note that a job is about to be stopped for a moment; None once it is back."""
        self.paused = str(table or "")
        self._save()

    def close(self) -> None:
        """Forget it: all is done."""
        (self.folder / "record.json").unlink(missing_ok=True)

    def _save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        said = {name: getattr(self, name) for name in ("id", "asked", "written", "done", "paused")}
        write_whole(self.folder / "record.json", json.dumps(said, indent=2).encode())


def begin(stack: Stack, request: Request) -> Record:
    """The record of this very request, where one was cut off; a new one otherwise.

    The one of another request over the same table is given up: what it wrote stays, and nothing has to be undone but
    that a job which it had stopped runs again.
    """
    folder = stack.home / "backfills" / str(request.model)
    asked = _asked(request)
    try:
        said = json.loads((folder / "record.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        said = {}
    if said.get("asked") == asked:
        return Record(folder, said["id"], asked, said["written"], said["done"], said["paused"], resumed=True)
    return Record(folder, secrets.token_hex(4), asked, paused=said.get("paused", ""))


def _asked(request: Request) -> dict[str, Any]:
    return {
        "model": str(request.model),
        "kind": request.kind.value,
        "first": request.scope.first.isoformat(),
        "last": request.scope.last.isoformat(),
        "markets": list(request.scope.markets),
        "downstream": request.downstream,
        "reach": request.reach,
        "days_at_once": request.days_at_once,
    }


def _key(table: TableName, piece: Scope) -> str:
    return f"{table} {piece}"
