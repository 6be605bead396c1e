"""Local accounts of people: names with hashed passwords, in a file of the state folder that only its owner reads.

scrypt with N=2^16, r=8, p=1 takes 64 MiB and some 200 ms a guess, as OWASP's Password Storage Cheat Sheet has it.
"""

import base64
import hashlib
import hmac
import json
import os
import re
from pathlib import Path
from typing import Any

from headwater.problem import HeadwaterError
from headwater.stack import Stack

SHORTEST = 10
"""Characters of a password at least."""

_LONGEST = 1024
_N, _R, _P = 2**16, 8, 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")


class Accounts:
    """The accounts in one file. It is read anew for every question, so that a change counts at once.

    Args:
        file: Where; it need not be there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    @classmethod
    def of(cls, stack: Stack) -> "Accounts":
        """Those of a stack."""
        return cls(stack.home / "accounts.json")

    @property
    def names(self) -> tuple[str, ...]:
        """Who has one, ordered."""
        return tuple(sorted(self._read()))

    def add(self, name: str, password: str) -> None:
        """Make an account, or give it another password.

        Raises HeadwaterError for a name or password that will not do.
        """
        if not _NAME.match(name):
            raise HeadwaterError(
                f"«{name}» cannot be an account's name",
                next_command="use letters, digits and . _ @ -, 64 of them at most",
            )
        if not SHORTEST <= len(password) <= _LONGEST:
            raise HeadwaterError(
                f"The password has {len(password)} characters",
                left="nothing was changed",
                next_command=f"choose one of {SHORTEST} to {_LONGEST}",
            )
        salt = os.urandom(16)
        self._write(self._read() | {name: {"salt": _text(salt), "scrypt": _text(_hash(password, salt))}})

    def remove(self, name: str) -> None:
        """Take an account away; its sessions end. Raises HeadwaterError when there is none of this name."""
        known = self._read()
        if name not in known:
            raise HeadwaterError(f"There is no account {name}", next_command="headwater user list")
        self._write({each: said for each, said in known.items() if each != name})

    def verify(self, name: str, password: str) -> bool:
        """Whether this is the account's password. It takes as long for a name that has none."""
        said = self._read().get(name) or {"salt": _text(b"no such account."), "scrypt": ""}
        found = _text(_hash(password[:_LONGEST], base64.b64decode(said["salt"])))
        return hmac.compare_digest(found, said["scrypt"])

    def stamp(self, name: str) -> str | None:
        """Changes with the account's password; None when there is no account."""
        said = self._read().get(name)
        return None if said is None else hashlib.sha256(said["scrypt"].encode()).hexdigest()[:16]

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self.file.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise HeadwaterError(
                f"The accounts in {self.file} cannot be read: {error}",
                next_command="correct the file, or remove it and make the accounts anew: headwater user add NAME",
            ) from error

    def _write(self, known: dict[str, Any]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.file, (json.dumps(known, indent=2) + "\n").encode())


def write_private(file: Path, content: bytes) -> None:
    """Put this content in the file's place, in one step, readable by its owner alone."""
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    partial.replace(file)


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=2 * 128 * _N * _R, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
