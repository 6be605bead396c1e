"""Keys that callers of the data service API show: a file of their hashes, never of the keys themselves.

A key is 256 random bits, so that a plain SHA-256 of it is enough: there is no dictionary to try.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.wholefile import write_whole

PREFIX = "hw_"
RATE = 1000.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key.

    Args:
        id: Names it in lists and in the audit log; a part of the key that is no secret.
        name: Whose it is, for people.
        digest: SHA-256 of the whole key, in hexadecimal digits.
        products: What it may ask for; empty for everything.
        markets: Whose rows it may ask for; empty for all. One that is limited cannot ask for a product without markets.
        rate: Requests a second that it may make for long; twice as many at once.
        created_at: ISO 8601, UTC.
        expires_at: As well; "" for never.
        sql: It may ask in SQL, which reaches every table.
    """

    id: str
    name: str
    digest: str
    products: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    rate: float = RATE
    created_at: str = ""
    expires_at: str = ""
    sql: bool = False

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """What `asdict` made. Raises TypeError, KeyError or ValueError for anything else."""
        key = cls(**{**said, "products": tuple(said["products"]), "markets": tuple(said["markets"])})
        if key.expires_at:
            datetime.fromisoformat(key.expires_at)
        return key

    def is_of(self, token: str) -> bool:
        """The key that was shown is this one; how long the answer takes tells nothing of it."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).hexdigest(), self.digest)

    def may_read(self, product: str) -> bool:
        """The product is in its scope."""
        return not self.products or product in self.products


def id_of(token: str) -> str | None:
    """The id in a key that is spelled like one, or None."""
    parts = token.split("_", 2)
    return parts[1] if len(parts) == 3 and f"{parts[0]}_" == PREFIX and len(token) <= 128 else None


def file_of(stack: Stack) -> Path:
    """Where a stack's keys lie."""
    return stack.home / "serving" / "keys.json"


class KeyFile:
    """The keys of a stack. Changes are seen by a running API within a second.

    Args:
        file: Readable for this user alone; made with the first key.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def all(self) -> tuple[ApiKey, ...]:
        """All of them, oldest first. Raises HeadwaterError when the file cannot be read."""
        try:
            return tuple(ApiKey.read(said) for said in json.loads(self.file.read_text())["keys"])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise HeadwaterError(
                f"The file of API keys, {self.file}, cannot be read: {error}",
                left="the API refuses every key until it can",
                next_command="restore it from a copy, or remove it and make new keys: headwater key create",
            ) from error

    def create(
        self,
        name: str,
        products: tuple[str, ...] = (),
        markets: tuple[str, ...] = (),
        rate: float = RATE,
        lasting: timedelta | None = None,
        *,
        sql: bool = False,
    ) -> tuple[ApiKey, str]:
        """Make a key; give what is kept of it, and the key itself, which nobody can give a second time."""
        now = datetime.now(UTC)
        id_ = secrets.token_hex(4)
        token = f"{PREFIX}{id_}_{secrets.token_urlsafe(32)}"
        key = ApiKey(
            id_,
            name,
            hashlib.sha256(token.encode()).hexdigest(),
            products,
            markets,
            rate,
            now.isoformat(timespec="seconds"),
            (now + lasting).isoformat(timespec="seconds") if lasting else "",
            sql,
        )
        with self._changing():
            self._write((*self.all(), key))
        return key, token

    def revoke(self, id_: str) -> ApiKey:
        """Remove a key, by its id. Raises HeadwaterError when there is none of this id."""
        with self._changing():
            kept = self.all()
            found = next((key for key in kept if key.id == id_), None)
            if found is None:
                raise HeadwaterError(f"There is no API key {id_}", next_command="headwater key list")
            self._write(tuple(key for key in kept if key.id != id_))
        return found

    @contextmanager
    def _changing(self) -> Iterator[None]:
        from filelock import FileLock

        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self.file.with_suffix(".lock"), timeout=10):
            yield

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        said = {"keys": [asdict(key) for key in keys]}
        write_whole(self.file, (json.dumps(said, indent=2) + "\n").encode())
        self.file.chmod(0o600)
