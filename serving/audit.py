"""Who asked for what: a line of JSON for each request, in files that are rotated. No key, and no row, is written."""

import asyncio
import logging
import re
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from resources.apikeys import PREFIX

_BYTES = 20_000_000
_FILES = 5
_MOST_WAITING = 50_000
_FLUSH_SECONDS = 1.0
_UNDERSCORE = "(?:_|%5[Ff])"
_SECRET = re.compile(rf"{PREFIX[:-1]}{_UNDERSCORE}[0-9A-Za-z]+{_UNDERSCORE}[^/?&]*")
_LONGEST = 300
_AS_LINES = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z

log = logging.getLogger("audit")


class Audit:
    """Lines are kept in memory until `flush`, which a clock calls: a request does not wait for the disk.

    Args:
        file: Older ones lie beside it, `.1` the newest of them.
        size: Bytes from which on a new file is begun.
    """

    def __init__(self, file: Path, size: int = _BYTES) -> None:
        self._file = file
        self._size = size
        self._waiting: deque[bytes] = deque()
        self.lost = 0

    def note(
        self, *, key: str, client: str, method: str, target: str, count: int, status: int, snapshot: int, seconds: float
    ) -> None:
        """Write a request down.

        Args:
            key: The id of the key, or "" when none was good.
            client: Its address.
            target: The path and query as they were sent, cut when they are long.
            count: How many addresses were asked for.
            snapshot: Which one answered; 0 for none.
        """
        line: dict[str, Any] = {
            "at": datetime.now(UTC),
            "key": key,
            "client": client,
            "method": method,
            "target": _SECRET.sub(f"{PREFIX}…", target[:_LONGEST]),
            "count": count,
            "status": status,
            "snapshot": snapshot or None,
            "ms": round(seconds * 1000, 3),
        }
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(orjson.dumps(line, option=_AS_LINES))
        else:
            self.lost += 1

    def flush(self) -> None:
        """Write what waits. What a full disk does not take waits on, up to 50,000 lines; more are counted as lost."""
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not lines:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._rotate()
            with self._file.open("ab") as file:
                file.write(b"".join(lines))
        except OSError as error:
            log.error("the audit log cannot be written: %s", error)
            self._waiting.extendleft(reversed(lines))

    async def flush_each_second(self) -> None:
        """Write what waits, again and again, until the task is cancelled; what waits then is left to a last `flush`."""
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await asyncio.to_thread(self.flush)

    def _rotate(self) -> None:
        if not self._file.exists():
            self._file.touch(mode=0o600)
            return
        if self._file.stat().st_size < self._size:
            return
        for number in range(_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._file.replace(self._numbered(1))
        self._file.touch(mode=0o600)

    def _numbered(self, number: int) -> Path:
        return self._file.with_name(f"{self._file.name}.{number}")
