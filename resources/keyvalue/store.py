"""What serving asks of a key-value store.

A product's rows and its position (headwater.serving.position), which says which snapshot they are from, change in one
step: whoever reads gets both from one moment, never half of a snapshot. A position is a text of bytes to the store.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from headwater.problem import HeadwaterError


class Overtaken(HeadwaterError):
    """Another feeder has written the product meanwhile: what was to be written is not, and nothing has changed."""

    def __init__(self, product: str) -> None:
        super().__init__(
            f"Another feeder has written {product} meanwhile",
            left="the store holds what that one wrote",
            next_command="run one feeder for a store; this one goes on from what is there",
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked for, all of one moment.

    Args:
        position: The product's; None when nothing is stored of it.
        rows: One for each key that was asked for, None where there is none.
    """

    position: bytes | None
    rows: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows whose keys begin alike, in the order of their keys.

    Args:
        position: As above.
        rows: Each with its key.
    """

    position: bytes | None
    rows: Sequence[tuple[bytes, bytes]]


class Loading(Protocol):
    """A product that is being stored anew beside what is served of it, until `finish`."""

    def put(self, rows: Mapping[bytes, bytes]) -> None:
        """Add rows. Nobody sees them yet."""
        ...

    def finish(self, before: bytes | None, after: bytes) -> None:
        """Serve these rows, and none of those before, at this position.

        Args:
            before: The position that the product must still have. Raises Overtaken otherwise.
        """
        ...


class FeederStore(Protocol):
    """A store as the feeder writes it. Calls block. Every call may raise HeadwaterError, with `unreachable=True`."""

    def position(self, product: str) -> bytes | None:
        """How far the product's rows go; None when nothing is stored of it."""
        ...

    def products(self) -> frozenset[str]:
        """The products that something is stored of."""
        ...

    def current(self, product: str, keys: Collection[bytes]) -> Mapping[bytes, bytes]:
        """The rows that are stored under these keys."""
        ...

    def write(
        self,
        product: str,
        before: bytes,
        after: bytes,
        puts: Mapping[bytes, bytes],
        deletes: Collection[bytes],
    ) -> None:
        """Put and delete rows and move the position on, in one step. Raises Overtaken as `Loading.finish` does."""
        ...

    def loading(self, product: str) -> AbstractContextManager[Loading]:
        """Store a product anew; what an earlier loading left that was not finished is removed."""
        ...

    def drop(self, product: str) -> None:
        """Remove everything of a product."""
        ...

    def tell(self, progress: Mapping[str, bytes]) -> None:
        """Leave a note for each product, in place of the one before, for whoever asks how the feeder does."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class ReaderStore(Protocol):
    """A store as the API reads it. Every call may raise HeadwaterError, with `unreachable=True`."""

    async def get(self, product: str, keys: Sequence[bytes]) -> Found:
        """The rows under these keys."""
        ...

    async def scan(self, product: str, prefix: bytes, after: bytes | None, limit: int) -> Page:
        """The first rows whose keys begin with the prefix and, when `after` is given, come behind it."""
        ...

    async def progress(self) -> Mapping[str, bytes]:
        """The feeder's notes, by product."""
        ...

    async def close(self) -> None:
        """Let go of the store."""
        ...
