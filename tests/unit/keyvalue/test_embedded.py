"""The store in a folder of this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.problem import HeadwaterError
from resources.keyvalue.embedded import EmbeddedFeederStore, EmbeddedReaderStore
from resources.keyvalue.store import Found, ReaderStore
from tests.unit.keyvalue.behaviour import Pair, StoreBehaviour


class _Borrowed(EmbeddedReaderStore):
    """LMDB may be opened once in a process: the readers of a test share the feeder's."""

    def __init__(self, feeder: EmbeddedFeederStore) -> None:
        self._env = feeder._env

    async def close(self) -> None:
        """The feeder's stays open."""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    feeder = EmbeddedFeederStore(tmp_path / "store", gigabytes=1)

    def reader() -> ReaderStore:
        return _Borrowed(feeder)

    yield Pair(feeder, reader)
    feeder.close()


class TestEmbedded(StoreBehaviour):
    """The suite."""


def test_a_second_feeder_is_refused(tmp_path: Path, pair: Pair) -> None:
    with pytest.raises(HeadwaterError, match="Another feeder fills the store"):
        EmbeddedFeederStore(tmp_path / "store", gigabytes=1)


def test_what_was_stored_is_there_after_it_was_closed(tmp_path: Path) -> None:
    first = EmbeddedFeederStore(tmp_path / "closed", gigabytes=1)
    Pair(first, lambda: _Borrowed(first)).load("kpi", {b"a": b"1"}, after=b"at 1")
    first.close()
    second = EmbeddedFeederStore(tmp_path / "closed", gigabytes=1)
    assert Pair(second, lambda: _Borrowed(second)).get("kpi", b"a") == Found(b"at 1", [b"1"])
    second.close()


def test_rows_of_loadings_before_take_no_room(pair: Pair) -> None:
    rows = {number.to_bytes(4, "big"): b"x" * 100 for number in range(3_000)}
    before = None
    for number in range(5):
        pair.load("kpi", rows, after=str(number).encode(), before=before)
        before = str(number).encode()
    assert isinstance(pair.feeder, EmbeddedFeederStore)
    assert pair.feeder._env.stat()["entries"] == len(rows) + 1
