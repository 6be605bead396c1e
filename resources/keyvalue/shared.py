"""The store for several machines: Redis, 6.2 or newer, without a cluster.

Of each product there is a hash of its rows, a sorted set of their keys (all of score 0, so that Redis sorts them by
their bytes) and its position. Whatever reads or writes more than one of them is one script, which Redis runs alone
(https://redis.io/docs/latest/develop/interact/programmability/eval-intro/).
"""

import secrets
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
import redis.asyncio

from headwater.problem import HeadwaterError
from resources.keyvalue.store import Found, Loading, Overtaken, Page

_PREFIX = "headwater:serving:"
_NOTES = f"{_PREFIX}notes"
_PRODUCTS = f"{_PREFIX}products"
_SECONDS = 5.0
_AT_ONCE = 1_000
_LOADING_SECONDS = 3600

_GET = """
local rows = {}
for first = 1, #ARGV, 1000 do
  for _, row in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV, first, math.min(first + 999, #ARGV)))) do
    rows[#rows + 1] = row
  end
end
return {redis.call('GET', KEYS[1]), rows}
"""
_SCAN = """
local keys = redis.call('ZRANGEBYLEX', KEYS[3], ARGV[1], ARGV[2], 'LIMIT', 0, tonumber(ARGV[3]))
local rows = {}
for first = 1, #keys, 1000 do
  for _, row in ipairs(redis.call('HMGET', KEYS[2], unpack(keys, first, math.min(first + 999, #keys)))) do
    rows[#rows + 1] = row
  end
end
return {redis.call('GET', KEYS[1]), keys, rows}
"""
# ARGV: position before and after, how many rows come, these with their keys, then the keys that go.
_WRITE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local last = 3 + 2 * tonumber(ARGV[3])
for place = 4, last, 2 do
  redis.call('HSET', KEYS[2], ARGV[place], ARGV[place + 1])
  redis.call('ZADD', KEYS[3], 0, ARGV[place])
end
for place = last + 1, #ARGV do
  redis.call('HDEL', KEYS[2], ARGV[place])
  redis.call('ZREM', KEYS[3], ARGV[place])
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
# ARGV: '1' when there must be a position, that, the position after, the product, how many rows were loaded.
_FINISH = """
if redis.call('HLEN', KEYS[4]) ~= tonumber(ARGV[5]) then return 0 end
local position = redis.call('GET', KEYS[1])
if (position and '1' or '0') ~= ARGV[1] or (position and position ~= ARGV[2]) then return 0 end
redis.call('UNLINK', KEYS[2], KEYS[3])
if redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('RENAME', KEYS[4], KEYS[2])
  redis.call('RENAME', KEYS[5], KEYS[3])
  redis.call('PERSIST', KEYS[2])
  redis.call('PERSIST', KEYS[3])
end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('SADD', KEYS[6], ARGV[4])
return 1
"""


class SharedFeederStore:
    """A `FeederStore` in Redis.

    Args:
        url: `redis://…` or, with TLS, `rediss://…`, with name and password where they are asked for.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = redis.Redis.from_url(url, socket_timeout=30, socket_connect_timeout=_SECONDS)
        self._write = self._redis.register_script(_WRITE)
        self._finish = self._redis.register_script(_FINISH)

    def position(self, product: str) -> bytes | None:
        with _reaching(self._url):
            return cast("bytes | None", self._redis.get(_names(product)[0]))

    def products(self) -> frozenset[str]:
        with _reaching(self._url):
            return frozenset(name.decode() for name in cast("set[bytes]", self._redis.smembers(_PRODUCTS)))

    def current(self, product: str, keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        asked = list(keys)
        found: dict[bytes, bytes] = {}
        with _reaching(self._url):
            for first in range(0, len(asked), _AT_ONCE):
                some = asked[first : first + _AT_ONCE]
                rows = cast("list[bytes | None]", self._redis.hmget(_names(product)[1], some))
                found |= {key: row for key, row in zip(some, rows, strict=True) if row is not None}
        return found

    def write(
        self,
        product: str,
        before: bytes,
        after: bytes,
        puts: Mapping[bytes, bytes],
        deletes: Collection[bytes],
    ) -> None:
        rows = [part for pair in puts.items() for part in pair]
        with _reaching(self._url):
            done = self._write(keys=_names(product), args=[before, after, len(puts), *rows, *deletes])
        if not done:
            raise Overtaken(product)

    @contextmanager
    def loading(self, product: str) -> Iterator[Loading]:
        loading = _Loading(self, product)
        yield loading
        with _reaching(self._url):
            self._redis.unlink(*loading.names)

    def drop(self, product: str) -> None:
        with _reaching(self._url), self._redis.pipeline(transaction=True) as together:
            together.unlink(*_names(product))
            together.hdel(_NOTES, product)
            together.srem(_PRODUCTS, product)
            together.execute()

    def tell(self, progress: Mapping[str, bytes]) -> None:
        if progress:
            with _reaching(self._url):
                self._redis.hset(_NOTES, mapping=cast("dict[Any, Any]", dict(progress)))

    def close(self) -> None:
        self._redis.close()

    def _add(self, names: Sequence[str], rows: Mapping[bytes, bytes]) -> None:
        hashed, ordered = names
        items = list(rows.items())
        with _reaching(self._url):
            for first in range(0, len(items), _AT_ONCE):
                some = dict(items[first : first + _AT_ONCE])
                with self._redis.pipeline(transaction=True) as together:
                    together.hset(hashed, mapping=cast("dict[Any, Any]", some))
                    together.zadd(ordered, cast("dict[Any, Any]", dict.fromkeys(some, 0)))
                    for name in names:
                        together.expire(name, _LOADING_SECONDS)
                    together.execute()

    def _switch(self, product: str, names: Sequence[str], count: int, before: bytes | None, after: bytes) -> None:
        expected = ["0", b""] if before is None else ["1", before]
        with _reaching(self._url):
            arguments = [*expected, after, product, count]
            done = self._finish(keys=[*_names(product), *names, _PRODUCTS], args=arguments)
        if not done:
            raise Overtaken(product)


class SharedReaderStore:
    """A `ReaderStore` in Redis.

    Args:
        url: As for the feeder's.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._redis = redis.asyncio.Redis.from_url(url, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)
        self._get = self._redis.register_script(_GET)
        self._scan = self._redis.register_script(_SCAN)

    async def get(self, product: str, keys: Sequence[bytes]) -> Found:
        with _reaching(self._url):
            position, rows = await _script(self._get)(keys=_names(product)[:2], args=list(keys))
        return Found(position, rows)

    async def scan(self, product: str, prefix: bytes, after: bytes | None, limit: int) -> Page:
        least = b"[" + prefix if after is None or after < prefix else b"(" + after
        end = _behind(prefix)
        most = b"+" if end is None else b"(" + end
        if least == b"[":
            least = b"-"
        with _reaching(self._url):
            position, keys, rows = await _script(self._scan)(keys=_names(product), args=[least, most, limit])
        return Page(position, list(zip(keys, rows, strict=True)))

    async def progress(self) -> Mapping[str, bytes]:
        with _reaching(self._url):
            notes = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(_NOTES))
        return {name.decode(): note for name, note in notes.items()}

    async def close(self) -> None:
        await self._redis.aclose()


class _Loading:
    """Rows under names of its own, which Redis forgets when the feeder ends before it has finished."""

    def __init__(self, store: SharedFeederStore, product: str) -> None:
        self._store = store
        self._product = product
        self._keys: set[bytes] = set()
        token = secrets.token_hex(8)
        self.names = [f"{_PREFIX}{{{product}}}:loading:{token}:{part}" for part in ("rows", "keys")]

    def put(self, rows: Mapping[bytes, bytes]) -> None:
        self._store._add(self.names, rows)
        self._keys.update(rows)

    def finish(self, before: bytes | None, after: bytes) -> None:
        self._store._switch(self._product, self.names, len(self._keys), before, after)


def _script(script: object) -> Callable[..., Awaitable[Any]]:
    return cast("Callable[..., Awaitable[Any]]", script)


def _names(product: str) -> list[str]:
    """Where a product's position, its rows and their keys lie."""
    return [f"{_PREFIX}{{{product}}}:{part}" for part in ("position", "rows", "keys")]


def _behind(prefix: bytes) -> bytes | None:
    """The least key that is greater than all that begin with the prefix; None when there is none."""
    bare = prefix.rstrip(b"\xff")
    return bare[:-1] + bytes([bare[-1] + 1]) if bare else None


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        where = url.rpartition("@")[2].partition("?")[0].removeprefix("redis://").removeprefix("rediss://")
        raise HeadwaterError(
            f"The store in Redis at {where} does not answer well: {type(error).__name__}: {error}",
            left="nothing was half written: each write is one step",
            next_command="see that Redis runs, and that HEADWATER_STORE names it",
            unreachable=True,
        ) from error
