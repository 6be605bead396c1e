"""Answers of the API while the table changes and the feeder is killed, each held against the table at its snapshot."""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from benchmarks.served import await_answer, process
from benchmarks.stand import Tell, own_stack
from headwater.loader import load
from headwater.model import Model, TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.apikeys import KeyFile, file_of
from resources.paimon.reader import scan
from resources.paimon.writer import create_table, declared_schema

_SENSORS = TableName.parse("dwd.readings")
_PRODUCT = "newest_reading"
_MARKETS, _NUMBERS = ("hk", "sg", "tw"), 20
_KILLS, _MOVES, _READERS = 2, 10, 3
_WRITE_SECONDS, _WRITE_ROWS = 0.1, 50
_PATIENCE = 120.0
_BEGAN = datetime(2026, 11, 22, 3, tzinfo=UTC)
_FILES = {
    "ods/readings/table.yaml": """\
description: What sensors measure.
owner: benchmarks
topic: {name: readings, format: json}
columns:
  market: {type: STRING, required: true}
  sensor: {type: INT, required: true}
  degrees: {type: BIGINT}
  read_at: {type: TIMESTAMP_LTZ(3), required: true}
""",
    "dwd/readings/table.yaml": """\
description: What sensors measured.
owner: benchmarks
columns: {market: {type: STRING}, sensor: {type: INT}, degrees: {type: BIGINT}, read_at: {type: TIMESTAMP_LTZ(3)}}
""",
    "dwd/readings/select.sql": "SELECT market, sensor, degrees, read_at FROM ods.readings\n",
    f"serving/{_PRODUCT}.yaml": """\
description: The newest reading of each sensor.
owner: benchmarks
table: dwd.readings
key: [market, sensor]
newest: read_at
columns: [degrees, read_at]
freshness: {max_age: 1h}
""",
}

Place = tuple[str, int]


@dataclass(slots=True)
class _Asking:
    """Readers that ask for rows, and keep what they are told."""

    client: httpx.Client
    told: list[tuple[int, Place, Any]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self.stop.is_set():
            market, sensor = chance.choice(_MARKETS), chance.randrange(_NUMBERS)
            with contextlib.suppress(httpx.TransportError):
                body = self.client.get(f"/v1/{_PRODUCT}/{market}/{sensor}").json()
                if "snapshot" in body:
                    self.told.append((body["snapshot"], (market, sensor), body.get("row")))
                page = self.client.get(f"/v1/{_PRODUCT}?market={market}").json()
                if "snapshot" in page:
                    rows = {(row["market"], row["sensor"]): row for row in page["rows"]}
                    self.told += [(page["snapshot"], (market, n), rows.get((market, n))) for n in range(_NUMBERS)]


def wrong_answers(folder: Path, tell: Tell) -> tuple[int, int, int]:
    """How many answers were wrong, how many there were, and from how many snapshots."""
    stack = _laid_out(folder)
    _, token = KeyFile(file_of(stack)).create("B12", rate=1e9)
    headers = {"authorization": f"Bearer {token}"}
    model = load(stack.warehouse).model(_SENSORS)
    create_table(stack.lake, model)
    with process(stack, "serving.api"), httpx.Client(base_url=stack.api_url, headers=headers) as client:
        asking = _Asking(client)
        threads = [threading.Thread(target=asking.run, args=(seed,), daemon=True) for seed in range(_READERS)]
        await_answer(f"{stack.api_url}/v1", headers)
        for thread in threads:
            thread.start()
        _change(stack, model, lambda: client.get("/v1").json()["products"][0]["snapshot"] or 0)
        asking.stop.set()
        for thread in threads:
            thread.join()
    tell(f"B12: {len(asking.told):,} answers to be looked at")

    @cache
    def truth(snapshot: int) -> dict[Place, Any]:
        rows = scan(stack.lake, _SENSORS, snapshot).read_all().to_pylist()
        ordered = sorted(rows, key=lambda row: row["read_at"])
        return {(row["market"], row["sensor"]): row["degrees"] for row in ordered}

    wrong = [each for each in asking.told if (each[2] and each[2]["degrees"]) != truth(each[0]).get(each[1])]
    return len(wrong), len(asking.told), len({snapshot for snapshot, _, _ in asking.told})


def _laid_out(folder: Path) -> Stack:
    stack = own_stack(folder)
    declared = Stack(stack.home, folder / "warehouse", stack.ports)
    for path, text in _FILES.items():
        file = declared.warehouse / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return declared


def _change(stack: Stack, model: Model, served: Callable[[], int]) -> None:
    """Write with a feeder that is killed again and again, each time after it has moved on."""
    writer = _Writer(stack, model)
    for _ in range(_KILLS + 1):
        with process(stack, "serving.feeder") as feeder:
            seen, deadline = {served()}, time.monotonic() + _PATIENCE
            while len(seen) <= _MOVES:
                if time.monotonic() > deadline:
                    raise HeadwaterError("The feeder does not move on", next_command="headwater bench B12 again")
                writer.write()
                time.sleep(_WRITE_SECONDS)
                seen.add(served())
            feeder.kill()


class _Writer:
    """Commits readings. No two have the same time, and some come late: they must not take the place of a newer one."""

    def __init__(self, stack: Stack, model: Model) -> None:
        from pypaimon import CatalogFactory

        self._table = CatalogFactory.create({"warehouse": f"file://{stack.lake}"}).get_table(str(_SENSORS))
        self._schema = declared_schema(model)
        self._chance = random.Random(2)
        self._moments = itertools.count()
        self._late: list[int] = []

    def write(self) -> None:
        """One commit."""
        import pyarrow

        moments = [*itertools.islice(self._moments, _WRITE_ROWS), *self._late]
        self._late = self._chance.sample(moments, _WRITE_ROWS // 5)
        rows = [
            {
                "market": self._chance.choice(_MARKETS),
                "sensor": self._chance.randrange(_NUMBERS),
                "degrees": self._chance.randrange(10**9),
                "read_at": _BEGAN + timedelta(milliseconds=moment),
            }
            for moment in moments
            if moment not in self._late
        ]
        builder = self._table.new_batch_write_builder()
        with contextlib.closing(builder.new_write()) as writer, contextlib.closing(builder.new_commit()) as commit:
            writer.write_arrow(pyarrow.Table.from_pylist(rows, self._schema))
            commit.commit(writer.prepare_commit())
