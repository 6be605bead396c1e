"""Logging in with a local account: the session's cookie, signed, and how often one may guess."""

import os
import threading
import time
from collections import deque
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from resources.accounts import Accounts, write_private

COOKIE = "headwater_session"
LIFETIME_SECONDS = 7 * 24 * 3600

_GUESSES, _GUESS_SECONDS = 10, 300.0


class Sessions:
    """Who has logged in. A session ends after a week, with another password, and with its account.

    Args:
        accounts: The accounts.
        folder: Where the secret that signs the cookies lies; made when it is not there.
    """

    def __init__(self, accounts: Accounts, folder: Path) -> None:
        self._accounts = accounts
        self._signer = URLSafeTimedSerializer(_secret(folder), salt="headwater dashboard")

    def begin(self, name: str) -> str:
        """A cookie for somebody who has given the right password."""
        return str(self._signer.dumps([name, self._accounts.stamp(name)]))

    def user(self, cookie: str) -> str | None:
        """Whose session it is; None for none that counts."""
        try:
            name, stamp = self._signer.loads(cookie, max_age=LIFETIME_SECONDS)
        except (BadData, ValueError, TypeError):
            return None
        return name if stamp is not None and self._accounts.stamp(name) == stamp else None


class Guesses:
    """How often somebody may give a wrong password: ten times in five minutes, by address."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def may(self, address: str) -> bool:
        """They may try."""
        with self._lock:
            return len(self._recent(address)) < _GUESSES

    def was_wrong(self, address: str) -> None:
        """They have tried in vain."""
        with self._lock:
            if len(self._wrong) > 10_000:
                self._wrong.clear()
            recent = self._recent(address)
            recent.append(time.monotonic())
            self._wrong[address] = recent

    def _recent(self, address: str) -> deque[float]:
        since = time.monotonic() - _GUESS_SECONDS
        return deque(at for at in self._wrong.get(address, ()) if at > since)


def _secret(folder: Path) -> bytes:
    file = folder / "secret"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_private(file, os.urandom(32))
    return file.read_bytes()
