"""The store in a folder of this machine: LMDB, one writing process and any number of reading ones.

A reader sees the moment at which its transaction began, and neither waits for the writer nor holds it up
(http://www.lmdb.tech/doc/). Rows are kept under a number that each loading raises: a product is loaded beside what is
served, and the switch is one small record.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import lmdb
from filelock import FileLock, Timeout

from headwater.problem import HeadwaterError
from resources.keyvalue.store import Found, Loading, Overtaken, Page

GIGABYTES = 32
"""The store's greatest size. It takes address space, not disk."""

_STATE, _NOTE, _ROW = b"s", b"n", b"r"
_NUMBER_BYTES = 4
_AT_ONCE = 5_000
_READERS = 512


class EmbeddedStore:
    """A `FeederStore` and a `ReaderStore`; each process opens it for itself, after it has forked.

    Args:
        folder: Made when it is not there.
        gigabytes: The greatest size.

    Raises HeadwaterError when the folder cannot be opened.
    """

    def __init__(self, folder: Path, gigabytes: int = GIGABYTES) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._env = lmdb.open(str(folder), map_size=gigabytes << 30, max_readers=_READERS, mode=0o600)
            self._env.reader_check()  # slots of readers that were killed
        except (lmdb.Error, OSError) as error:
            raise HeadwaterError(
                f"The store in {folder} cannot be opened: {error}",
                left="nothing was changed",
                next_command=f"headwater doctor; a store that is damaged may be removed, it is filled again: {folder}",
            ) from error

    def position(self, product: str) -> bytes | None:
        with self._env.begin() as transaction:
            state = transaction.get(_STATE + product.encode())
        return state[_NUMBER_BYTES:] if state else None

    def products(self) -> frozenset[str]:
        with self._env.begin() as transaction:
            return frozenset(key.decode() for key, _ in _beginning(transaction, _STATE))

    def current(self, product: str, keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        with self._env.begin() as transaction:
            state = transaction.get(_STATE + product.encode())
            if state is None:
                return {}
            prefix = _rows(product, state[:_NUMBER_BYTES])
            found = {key: transaction.get(prefix + key) for key in keys}
        return {key: row for key, row in found.items() if row is not None}

    def write(
        self,
        product: str,
        before: bytes,
        after: bytes,
        puts: Mapping[bytes, bytes],
        deletes: Collection[bytes],
    ) -> None:
        with self._writing() as transaction:
            number, position = _state(transaction, product)
            if position != before:
                raise Overtaken(product)
            prefix = _rows(product, number)
            for key in deletes:
                transaction.delete(prefix + key)
            for key, row in puts.items():
                transaction.put(prefix + key, row)
            transaction.put(_STATE + product.encode(), number + after)

    @contextmanager
    def loading(self, product: str) -> Iterator[Loading]:
        with self._env.begin() as transaction:
            served, _ = _state(transaction, product)
        self._purge(product, keep=served)
        number = (int.from_bytes(served, "big") + 1) % (1 << 8 * _NUMBER_BYTES)
        yield _Loading(self, product, number.to_bytes(_NUMBER_BYTES, "big"))
        with self._env.begin() as transaction:
            served, _ = _state(transaction, product)
        self._purge(product, keep=served)

    def drop(self, product: str) -> None:
        with self._writing() as transaction:
            transaction.delete(_STATE + product.encode())
            transaction.delete(_NOTE + product.encode())
        self._purge(product, keep=None)

    def tell(self, progress: Mapping[str, bytes]) -> None:
        with self._writing() as transaction:
            for product, note in progress.items():
                transaction.put(_NOTE + product.encode(), note)

    async def get(self, product: str, keys: Sequence[bytes]) -> Found:
        with self._env.begin() as transaction:
            state = transaction.get(_STATE + product.encode())
            if state is None:
                return Found(None, [None] * len(keys))
            prefix = _rows(product, state[:_NUMBER_BYTES])
            return Found(state[_NUMBER_BYTES:], [transaction.get(prefix + key) for key in keys])

    async def scan(self, product: str, prefix: bytes, after: bytes | None, limit: int) -> Page:
        with self._env.begin() as transaction:
            state = transaction.get(_STATE + product.encode())
            if state is None:
                return Page(None, ())
            rows = _rows(product, state[:_NUMBER_BYTES])
            # Behind a key comes first the same with a zero byte at its end.
            start = rows + (max(prefix, after + b"\0") if after is not None else prefix)
            found: list[tuple[bytes, bytes]] = []
            for key, row in _beginning(transaction, rows + prefix, start):
                if len(found) == limit:
                    break
                found.append((prefix + key, row))
            return Page(state[_NUMBER_BYTES:], found)

    async def progress(self) -> Mapping[str, bytes]:
        with self._env.begin() as transaction:
            return {key.decode(): note for key, note in _beginning(transaction, _NOTE)}

    def shut(self) -> None:
        """Let go of the store."""
        self._env.close()

    def _add(self, product: str, number: bytes, rows: Mapping[bytes, bytes]) -> None:
        prefix = _rows(product, number)
        with self._writing() as transaction:
            for key, row in rows.items():
                transaction.put(prefix + key, row)

    def _switch(self, product: str, number: bytes, before: bytes | None, after: bytes) -> None:
        with self._writing() as transaction:
            if _state(transaction, product)[1] != before:
                raise Overtaken(product)
            transaction.put(_STATE + product.encode(), number + after)

    def _purge(self, product: str, keep: bytes | None) -> None:
        """Remove the rows of every number but one, some thousand at a time, so that the file does not grow by them."""
        everything = _ROW + product.encode() + b"\0"
        kept = None if keep is None else everything + keep
        gone = True
        while gone:
            with self._writing() as transaction:
                gone = []
                cursor = transaction.cursor()
                there = cursor.set_range(everything)
                while there and (key := bytes(cursor.key())).startswith(everything) and len(gone) < _AT_ONCE:
                    if kept is not None and key.startswith(kept):
                        there = cursor.set_range(_behind(kept))
                        continue
                    gone.append(key)
                    there = cursor.next()
                for key in gone:
                    transaction.delete(key)

    @contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        try:
            with self._env.begin(write=True) as transaction:
                yield transaction
        except lmdb.MapFullError as error:
            raise HeadwaterError(
                f"The store has grown to its greatest size, {self._env.info()['map_size'] >> 30} GB",
                left="it serves what it held before",
                next_command="serve fewer rows, or set HEADWATER_STORE_GB to more and restart feeder and api",
            ) from error


class EmbeddedFeederStore(EmbeddedStore):
    """The same, as the one feeder of this machine opens and closes it.

    Raises HeadwaterError when another one has it open: two would load one product under one number.
    """

    def __init__(self, folder: Path, gigabytes: int = GIGABYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / "feeder.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise HeadwaterError(
                f"Another feeder fills the store in {folder}",
                left="it goes on",
                next_command="headwater status shows the stack's feeder; headwater down stops it",
            ) from None
        super().__init__(folder, gigabytes)

    def close(self) -> None:
        self.shut()
        self._lock.release()


class EmbeddedReaderStore(EmbeddedStore):
    """The same, as the API closes it."""

    async def close(self) -> None:
        self.shut()


class _Loading:
    def __init__(self, store: EmbeddedStore, product: str, number: bytes) -> None:
        self._store = store
        self._product = product
        self._number = number

    def put(self, rows: Mapping[bytes, bytes]) -> None:
        self._store._add(self._product, self._number, rows)

    def finish(self, before: bytes | None, after: bytes) -> None:
        self._store._switch(self._product, self._number, before, after)


def _state(transaction: lmdb.Transaction, product: str) -> tuple[bytes, bytes | None]:
    """The number that the product's rows are kept under, and its position."""
    state = cast("bytes | None", transaction.get(_STATE + product.encode()))
    return (state[:_NUMBER_BYTES], state[_NUMBER_BYTES:]) if state else (b"\0" * _NUMBER_BYTES, None)


def _rows(product: str, number: bytes) -> bytes:
    """What the keys of a product's rows begin with; its name holds no zero byte."""
    return _ROW + product.encode() + b"\0" + number


def _behind(prefix: bytes) -> bytes:
    """The least key that is greater than all that begin with the prefix, which is not all 255."""
    return (int.from_bytes(prefix, "big") + 1).to_bytes(len(prefix), "big")


def _beginning(
    transaction: lmdb.Transaction, prefix: bytes, start: bytes | None = None
) -> Iterator[tuple[bytes, bytes]]:
    """The records whose keys begin with a prefix, each key without it, from a key on."""
    cursor = transaction.cursor()
    if not cursor.set_range(start or prefix):
        return
    for key, value in cast("Iterator[tuple[bytes, bytes]]", cursor.iternext()):
        if not key.startswith(prefix):
            return
        yield key[len(prefix) :], value
