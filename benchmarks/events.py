"""Orders written one by one at a steady rate, each with a number of its own and the moment it was sent."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import orjson

from simulator.record import ORDERS

RATE = 200
"""Events per second."""
_MARKETS = ("au", "hk", "tw", "sg", "ph", "th", "vn", "id", "bd", "in", "br", "us", "mx")


class Sender:
    """Sends from a thread until it has sent everything. `sent_at[number]` is when order `number` went out, since 1970.

    Args:
        bootstrap: The broker.
        topics: What stands before the topic's name.
        seconds: How long it sends.
    """

    def __init__(self, bootstrap: str, topics: str, seconds: float) -> None:
        from confluent_kafka import Producer

        self.sent_at: list[float] = []
        self._count = round(seconds * RATE)
        self._topic = topics + ORDERS
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2, "acks": "all", "log_level": 0})
        self._thread = threading.Thread(target=self._send, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Everything is sent."""
        return not self._thread.is_alive()

    def _send(self) -> None:
        began = time.monotonic()
        for number in range(self._count):
            # A poll ends early when there is something to tell.
            while (pause := began + number / RATE - time.monotonic()) > 0:
                self._producer.poll(pause)
            now = time.time()
            self.sent_at.append(now)
            self._producer.produce(self._topic, orjson.dumps(_created(number, now)), str(number).encode())
        self._producer.flush()


def _created(number: int, now: float) -> dict[str, Any]:
    moment = datetime.fromtimestamp(now, UTC)
    text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    row = {
        "order_id": number,
        "market": _MARKETS[number % len(_MARKETS)],
        "order_day": text[:10],
        "user_id": number % 1_000,
        "city": "centre",
        "vehicle_type": "car",
        "status": "created",
        "created_at": text,
        "completed_at": None,
        "cancelled_at": None,
        "updated_at": text,
    }
    return {"before": None, "after": row, "op": "c", "ts_ms": int(now * 1000)}
