"""Items that move from slot to slot, so that slots come, change and go; and two products over them."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from headwater.model import TableName
from resources.paimon.reader import scan
from tests.integration.flink.house import House

ITEMS, SLOTS = "dwd.items#", "dm.slots#"
MARKETS = ("hk", "sg", "tw")
_ITEMS = 30
_SLOTS = 12


def declare(house: House) -> None:
    """`dm.slots`: what the items of each slot come to. `slots` serves each, `latest` the last one of a market."""
    columns = "id: {type: BIGINT}, market: {type: STRING}, slot: {type: INT}, worth: {type: BIGINT}"
    columns += ", moved_at: {type: TIMESTAMP_LTZ(3)}"
    required = columns.replace("}, ", ", required: true}\n")
    house.source("item", f"{required[:-1]}, required: true}}\n", event_time="{column: moved_at}")
    house.write(
        "dwd/items#/table.yaml",
        f"description: d\nowner: tests\nkey: [id]\ncolumns: {{{columns}}}\njob: {{checkpoint_interval: 300ms}}\n",
    )
    house.write("dwd/items#/select.sql", "SELECT id, market, slot, worth, moved_at FROM ods.item#\n")
    house.write(
        "dm/slots#/table.yaml",
        "description: d\nowner: tests\nkey: [market, slot]\njob: {checkpoint_interval: 300ms}\n"
        "columns: {market: {type: STRING}, slot: {type: INT}, items: {type: BIGINT}, worth: {type: BIGINT}}\n",
    )
    house.write(
        "dm/slots#/select.sql",
        "SELECT market, slot, COUNT(*) AS items, SUM(worth) AS worth FROM dwd.items# GROUP BY market, slot\n",
    )
    common = "description: d\nowner: tests\ntable: dm.slots#\nmarket: market\nfreshness: {max_age: 1h}\n"
    house.write("serving/slots#.yaml", f"{common}key: [market, slot]\ncolumns: [items, worth]\n")
    house.write("serving/latest#.yaml", f"{common}key: [market]\nnewest: slot\ncolumns: [slot, items, worth]\n")


@contextmanager
def moving(house: House) -> Iterator[None]:
    """Items move, some hundred times a second, until the block ends."""
    ended = threading.Event()
    chance = random.Random(7)

    def move() -> None:
        while not ended.wait(0.05):
            house.send("item#", [_move(chance) for _ in range(20)])

    mover = threading.Thread(target=move, daemon=True)
    mover.start()
    try:
        yield
    finally:
        ended.set()
        mover.join()


def _move(chance: random.Random) -> dict[str, Any]:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    identity = chance.randrange(_ITEMS)
    # Few items reach the last slots, so that the last one of a market is emptied often.
    slot = int(_SLOTS * chance.random() ** 2)
    market = MARKETS[identity % len(MARKETS)]
    return {"id": identity, "market": market, "slot": slot, "worth": chance.randrange(5), "moved_at": at}


class Truth:
    """What the products must give at any snapshot of the table, read from Paimon."""

    def __init__(self, house: House) -> None:
        self._lake = house.stack.lake
        self._table: TableName = house.table(SLOTS)
        self._rows = lru_cache(maxsize=None)(self._read)

    def slot(self, snapshot: int, market: str, slot: int) -> dict[str, Any] | None:
        """The row of `slots`."""
        return self._rows(snapshot).get((market, slot))

    def latest(self, snapshot: int, market: str) -> dict[str, Any] | None:
        """The row of `latest`."""
        slots = [slot for each, slot in self._rows(snapshot) if each == market]
        return self.slot(snapshot, market, max(slots)) if slots else None

    def market(self, snapshot: int, market: str) -> list[dict[str, Any]]:
        """The rows of `slots` of one market, in the order of the key."""
        return [row for (each, _), row in sorted(self._rows(snapshot).items()) if each == market]

    def _read(self, snapshot: int) -> dict[tuple[str, int], dict[str, Any]]:
        rows = scan(self._lake, self._table, snapshot).read_all().to_pylist()
        return {(row["market"], row["slot"]): row for row in rows}
