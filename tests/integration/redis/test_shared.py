"""The store for several machines, over a real Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from headwater.problem import HeadwaterError
from resources.keyvalue.shared import SharedFeederStore, SharedReaderStore
from resources.keyvalue.store import Found, Overtaken
from tests.integration.redis.server import running
from tests.unit.keyvalue.behaviour import Pair, StoreBehaviour


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def pair(address: str) -> Iterator[Pair]:
    redis.Redis.from_url(address).flushall()
    feeder = SharedFeederStore(address)
    yield Pair(feeder, lambda: SharedReaderStore(address))
    feeder.close()


class TestShared(StoreBehaviour):
    """The suite."""


def test_two_feeders_that_load_at_once_do_not_mix_their_rows(address: str, pair: Pair) -> None:
    other = SharedFeederStore(address)
    with pair.feeder.loading("kpi") as first, other.loading("kpi") as second:
        first.put({b"a": b"first", b"b": b"first"})
        second.put({b"a": b"second", b"c": b"second"})
        second.finish(None, b"at 2")
        with pytest.raises(Overtaken):
            first.finish(None, b"at 1")
    assert pair.get("kpi", b"a", b"b", b"c") == Found(b"at 2", [b"second", None, b"second"])
    other.close()


def test_nothing_is_left_of_loadings(address: str, pair: Pair) -> None:
    pair.load("kpi", {b"a": b"1"})
    with pytest.raises(ZeroDivisionError), pair.feeder.loading("kpi") as loading:
        loading.put({b"a": b"half"})
        raise ZeroDivisionError
    client: Any = redis.Redis.from_url(address)
    left = [key for key in client.scan_iter() if b"loading" in key]
    assert all(0 < client.ttl(key) <= 3600 for key in left)
    assert all(client.ttl(key) == -1 for key in client.scan_iter() if key not in left)


def test_a_redis_that_is_away_is_told_without_its_password() -> None:
    away = SharedFeederStore("redis://somebody:secret@127.0.0.1:1/0")
    with pytest.raises(HeadwaterError) as caught:
        away.position("kpi")
    assert caught.value.unreachable
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)
