"""Which store a stack serves from: LMDB in its state folder, or what HEADWATER_STORE names."""

import os
from pathlib import Path

from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.keyvalue.store import FeederStore, ReaderStore

VARIABLE = "HEADWATER_STORE"
SIZE_VARIABLE = "HEADWATER_STORE_GB"


def folder(stack: Stack) -> Path:
    """Where the embedded store lies."""
    return stack.home / "serving" / "store"


def feeder_store(stack: Stack) -> FeederStore:
    """The stack's store, to be written. Raises HeadwaterError when it cannot be opened or its name is none."""
    url = _address()
    if url:
        from resources.keyvalue.shared import SharedFeederStore

        return SharedFeederStore(url)
    from resources.keyvalue.embedded import EmbeddedFeederStore

    return EmbeddedFeederStore(folder(stack), _gigabytes())


def reader_store(stack: Stack) -> ReaderStore:
    """The stack's store, to be read. Raises as `feeder_store` does."""
    url = _address()
    if url:
        from resources.keyvalue.shared import SharedReaderStore

        return SharedReaderStore(url)
    from resources.keyvalue.embedded import EmbeddedReaderStore

    return EmbeddedReaderStore(folder(stack), _gigabytes())


def _address() -> str:
    """The address of a Redis, or "" for the embedded store. It may hold a password, and is told to nobody."""
    url = os.environ.get(VARIABLE, "")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise HeadwaterError(
            f"{VARIABLE} is no address of a Redis",
            next_command=f"set it to redis://host:port/0 or rediss://…, or unset {VARIABLE} for the embedded store",
        )
    return url


def _gigabytes() -> int:
    from resources.keyvalue.embedded import GIGABYTES

    text = os.environ.get(SIZE_VARIABLE, str(GIGABYTES))
    if not text.isdigit() or not 0 < int(text) <= 1024:
        raise HeadwaterError(
            f"{SIZE_VARIABLE}={text} is no number from 1 to 1024", next_command=f"unset {SIZE_VARIABLE}"
        )
    return int(text)
