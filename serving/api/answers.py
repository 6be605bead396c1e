"""Answers: rows, each with the snapshot that it is from, put together from stored JSON without reading it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from http import HTTPStatus

from headwater.serving.position import Position, instant
from headwater.serving.product import Product, WhenStale
from headwater.serving.stored import body
from serving.api.problems import Problem, unavailable

_RETRY_SECONDS = 2

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the data behind an answer goes, and how old that is now.

    Args:
        snapshot: Of the table.
        as_of: ISO 8601, UTC, to the millisecond.
        age: Seconds from `as_of` to now; never negative.
        stale: It is more than promised.
    """

    snapshot: int
    as_of: str
    age: float
    stale: bool

    def members(self) -> dict[str, object]:
        """As members of a JSON object."""
        return {
            "snapshot": self.snapshot,
            "as_of": self.as_of,
            "age_seconds": round(self.age, 3),
            "stale": self.stale,
        }

    def head(self, product: str) -> bytes:
        """The same, as the beginning of an answer of a product; the names hold nothing that JSON escapes."""
        stale = "true" if self.stale else "false"
        return (
            f'{{"product":"{product}","snapshot":{self.snapshot},"as_of":"{self.as_of}",'
            f'"age_seconds":{self.age:.3f},"stale":{stale},'
        ).encode()

    def headers(self) -> Headers:
        """The same, as headers."""
        return [
            (b"headwater-snapshot", str(self.snapshot).encode()),
            (b"headwater-as-of", self.as_of.encode()),
            (b"headwater-age", f"{self.age:.3f}".encode()),
            (b"headwater-stale", b"true" if self.stale else b"false"),
        ]


@dataclass(slots=True)
class Moments:
    """From stored positions to moments; each position is read once."""

    _read: dict[bytes, tuple[Position, str]] = field(default_factory=dict)

    def moment(self, product: Product, stored: bytes | None) -> Moment:
        """How far a product goes. Raises the problem «unavailable» when nothing can be served of it."""
        known = self._read.get(stored) if stored is not None else None
        if known is None and stored is not None:
            known = self._remember(stored)
        if known is None or known[0].shape != product.shape:
            detail = f"{product.name} is being stored; nothing can be served of it yet"
            raise unavailable("loading", detail, _RETRY_SECONDS)
        position, as_of = known
        age = max(0.0, time.time() - position.as_of / 1000)
        return Moment(position.snapshot, as_of, age, age > product.max_age.total_seconds())

    def served(self, product: Product, stored: bytes | None) -> Moment:
        """The same; also raises it where data this old is not to be served."""
        moment = self.moment(product, stored)
        if moment.stale and product.when_stale is WhenStale.REFUSE:
            promised = f"{product.max_age.total_seconds():g} s"
            detail = f"the data is {moment.age:.0f} s old; {product.name} promises {promised}"
            raise unavailable("stale", detail, _RETRY_SECONDS, moment.members())
        return moment

    def _remember(self, stored: bytes) -> tuple[Position, str] | None:
        try:
            position = Position.decode(stored)
            as_of = instant(position.as_of).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        except (ValueError, KeyError, TypeError, OverflowError, OSError):
            return None
        if len(self._read) > 1000:
            self._read.clear()
        self._read[stored] = (position, as_of)
        return self._read[stored]


def one(product: Product, moment: Moment, row: bytes | None) -> bytes:
    """The answer for one address. Raises the problem «not found» when it has no row."""
    if row is None:
        detail = f"there is no row of this address in snapshot {moment.snapshot}"
        raise Problem(HTTPStatus.NOT_FOUND, "row", detail, tuple(moment.headers()), moment.members())
    shown = body(row, ranked=product.newest is not None)
    return b"".join((moment.head(product.name), b'"row":', shown, b"}"))


def several(product: Product, moment: Moment, rows: Sequence[bytes | None]) -> bytes:
    """The answer for several addresses: a row or null for each, in their order."""
    ranked = product.newest is not None
    shown = (b"null" if row is None else body(row, ranked=ranked) for row in rows)
    return b"".join((moment.head(product.name), b'"rows":[', b",".join(shown), b"]}"))


def page(product: Product, moment: Moment, rows: Sequence[tuple[bytes, bytes]], following: str | None) -> bytes:
    """The answer for a page, with what leads to the next one."""
    ranked = product.newest is not None
    shown = (body(row, ranked=ranked) for _, row in rows)
    leads = b"null" if following is None else f'"{following}"'.encode()
    return b"".join((moment.head(product.name), b'"rows":[', b",".join(shown), b'],"next":', leads, b"}"))


def etag(moment: Moment, rows: Sequence[bytes | None]) -> bytes:
    """Changes when the rows do, or their being stale. Weak: the snapshot and the age in the body move on without it."""
    digest = blake2b(digest_size=12)
    for row in rows:
        digest.update(b"0" if row is None else b"1%d:" % len(row))
        digest.update(row or b"")
    return b'W/"%s%s"' % (b"s" if moment.stale else b"", digest.hexdigest().encode())


def is_known(tag: bytes, given: bytes) -> bool:
    """An If-None-Match names this tag (RFC 9110, 13.1.2: compared weakly)."""
    return given.strip() == b"*" or tag in (each.strip() for each in given.split(b","))
