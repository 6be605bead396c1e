"""Who asks: keys, what they reach, and how often they may ask."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from headwater.problem import HeadwaterError
from headwater.serving.product import Product
from resources.apikeys import ApiKey, KeyFile, id_of
from serving.api.problems import Problem, forbidden, too_many, unauthorized

ANYBODY = ApiKey("", "anybody", "", sql=True)
_LOOK_SECONDS = 0.5
_ALLOWANCE_SECONDS = 2.0

log = logging.getLogger("api")


class Keyring:
    """The keys of the file, read again when it has changed.

    While the file cannot be read, no key is good.

    Args:
        file: As `headwater key` writes it.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._looked_at = float("-inf")
        self._stamp: tuple[int, int, int] | None = (0, 0, 0)
        self._keys: dict[str, tuple[ApiKey, float]] = {}

    def key(self, token: str) -> ApiKey | None:
        """The key that was shown, or None when it is not good.

        A key that is not known may have been made just now: that is looked at each time, and costs a stat of the file.
        """
        id_ = id_of(token)
        if id_ not in self._keys or self._clock() - self._looked_at > _LOOK_SECONDS:
            self._look()
        key, ends = self._keys.get(id_, (None, 0.0)) if id_ else (None, 0.0)
        return key if key is not None and key.is_of(token) and time.time() < ends else None

    def _look(self) -> None:
        self._looked_at = self._clock()
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = None
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = {key.id: (key, _ends(key)) for key in KeyFile(self._file).all()}
        except HeadwaterError as error:
            log.error("%s", error.failed)
            self._keys = {}


def _ends(key: ApiKey) -> float:
    return datetime.fromisoformat(key.expires_at).timestamp() if key.expires_at else float("inf")


@dataclass(slots=True)
class Rates:
    """How much each key has used of its rate: it gains `rate` requests a second, and may save those of two seconds."""

    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, key: ApiKey) -> None:
        """Use one request up. Raises the problem «too many requests»."""
        now = self.clock()
        most = max(1.0, key.rate * _ALLOWANCE_SECONDS)
        left, at = self._left.get(key.id, (most, now))
        left = min(most, left + (now - at) * key.rate)
        if left < 1.0:
            self._left[key.id] = (left, now)
            raise too_many((1.0 - left) / key.rate)
        self._left[key.id] = (left - 1.0, now)


def bearer(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The key that a request shows. Raises the problem «unauthorized» when it shows none."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer" and token.isascii():
                return token.strip().decode()
    raise unauthorized("a key is needed: Authorization: Bearer KEY")


def refuse_other_market(key: ApiKey, product: Product, values: Sequence[Any]) -> None:
    """Raises the problem «forbidden» when these leading parts of an address are not all within the key's markets."""
    if not key.markets:
        return
    place = product.market_at
    if place is None:
        raise forbidden(f"this key is limited to markets, and {product.name} has none")
    if place >= len(values):
        raise forbidden(f"this key is limited to markets: name one by {product.market}")
    if values[place] not in key.markets:
        raise forbidden("this key does not reach this market")


def refuse_other_product(key: ApiKey, name: str, product: Product | None) -> Product:
    """The product, if it is declared and the key reaches it. A key that does not cannot tell whether it is there."""
    if not key.may_read(name):
        raise forbidden("this key does not reach this product")
    if product is None:
        raise Problem(HTTPStatus.NOT_FOUND, "product", "there is no product of this name; GET /v1 lists them")
    return product
