"""What is served is what the table holds at the snapshot that each answer names, whatever happens to the feeder."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.stack import Stack
from tests.integration.flink.house import House
from tests.integration.redis.server import running as redis_running
from tests.integration.serving.serving import Serving, serving
from tests.integration.serving.slots import ITEMS, MARKETS, SLOTS, Truth, declare, moving
from tests.integration.waiting import eventually

_KILLS = 4


@dataclass(frozen=True)
class Answer:
    """What one request was answered, and in which order."""

    kind: str
    asked: tuple[Any, ...]
    snapshot: int
    said: Any


class Reader(threading.Thread):
    """Asks for everything again and again, until told to stop, and keeps the answers."""

    def __init__(self, served: Serving, house: House) -> None:
        super().__init__(daemon=True)
        self.answers: list[Answer] = []
        self.refused: list[str] = []
        self.stopped = threading.Event()
        self._client = served.client
        self._slots, self._latest = house.named("slots#"), house.named("latest#")

    def run(self) -> None:
        chance = random.Random(3)
        while not self.stopped.is_set():
            market, slot = chance.choice(MARKETS), chance.randrange(12)
            self._ask("slot", (market, slot), f"/v1/{self._slots}/{market}/{slot}")
            self._ask("latest", (market,), f"/v1/{self._latest}/{market}")
            self._ask("market", (market,), f"/v1/{self._slots}?market={market}")
            self._ask("batch", (market,), f"/v1/{self._slots}", [[market, slot] for slot in range(12)])

    def _ask(self, kind: str, asked: tuple[Any, ...], target: str, keys: list[Any] | None = None) -> None:
        answer = self._client.post(target, json={"keys": keys}) if keys else self._client.get(target)
        body = answer.json()
        if answer.status_code not in (200, 404) or "snapshot" not in body:
            self.refused.append(f"{answer.status_code} {answer.text}")
            return
        self.answers.append(Answer(kind, asked, body["snapshot"], body.get("row", body.get("rows"))))


@pytest.fixture(scope="module")
def house(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    built = House(stack, tmp_path_factory.mktemp("house") / "warehouse", f"s{os.getpid()}")
    declare(built)
    built.apply(ITEMS, SLOTS)
    yield built
    built.leave()


@pytest.fixture
def served(house: House, tmp_path: Path) -> Iterator[list[Serving]]:
    """One with the embedded store, one with Redis."""
    with ExitStack() as exits:
        redis = exits.enter_context(redis_running(tmp_path))
        yield [
            exits.enter_context(serving(house.stack, tmp_path / "embedded")),
            exits.enter_context(serving(house.stack, tmp_path / "shared", redis)),
        ]


def test_no_answer_is_wrong_while_rows_change_and_the_feeder_is_killed(house: House, served: list[Serving]) -> None:
    truth = Truth(house)
    products = [house.named("slots#"), house.named("latest#")]
    with moving(house):
        eventually(lambda: bool(house.rows(SLOTS)), "the first slots", seconds=120)
        for each in served:
            each.start_feeder()
            for product in products:
                each.await_snapshot(product, 1)
        readers = [Reader(each, house) for each in served]
        for reader in readers:
            reader.start()
        for _ in range(_KILLS):
            goals = [each.snapshot(products[0]) or 0 for each in served]
            for each, goal in zip(served, goals, strict=True):
                each.await_snapshot(products[0], goal + 2)
                each.kill_feeder()
                each.start_feeder()
        last = house.snapshot(SLOTS)
        for each in served:
            for product in products:
                each.await_snapshot(product, last)
    for reader in readers:
        reader.stopped.set()
        reader.join()
    for reader in readers:
        assert reader.refused == []
        assert len({answer.snapshot for answer in reader.answers}) >= _KILLS
        for answer in reader.answers:
            assert answer.said == _expected(truth, answer), answer
        for kind in ("slot", "latest", "market", "batch"):
            seen = [answer.snapshot for answer in reader.answers if answer.kind == kind]
            assert seen == sorted(seen) != [], f"{kind} went back, or nothing was answered"
    assert any(answer.said is None for reader in readers for answer in reader.answers if answer.kind == "slot")
    for each in served:
        _is_whole(house, each, truth)


def _is_whole(house: House, served: Serving, truth: Truth) -> None:
    """All rows that are served are all rows of the table at their snapshot, and every request was noted."""
    body = served.client.get(f"/v1/{house.named('slots#')}?limit=1000").json()
    assert body["rows"] == [row for market in MARKETS for row in truth.market(body["snapshot"], market)]
    assert {line["status"] for line in served.audited()} <= {200, 404, 503}


def _expected(truth: Truth, answer: Answer) -> Any:
    if answer.kind == "slot":
        return truth.slot(answer.snapshot, *answer.asked)
    if answer.kind == "latest":
        return truth.latest(answer.snapshot, *answer.asked)
    if answer.kind == "market":
        return truth.market(answer.snapshot, *answer.asked)
    (market,) = answer.asked
    return [truth.slot(answer.snapshot, market, slot) for slot in range(12)]
