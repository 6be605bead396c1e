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
        rate: Events per second.
        first: The number of the first order.
    """

    def __init__(self, bootstrap: str, topics: str, seconds: float, *, rate: int = RATE, first: int = 0) -> None:
        from confluent_kafka import Producer

        self.sent_at: list[float] = []
        self._rate = rate
        self._first = first
        self._count = round(seconds * rate)
        self._is_stopped = False
        self._topic = topics + ORDERS
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 2, "acks": "all", "log_level": 0})
        self._thread = threading.Thread(target=self._send, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait until what was sent has arrived."""
        self._is_stopped = True
        self._thread.join()

    @property
    def is_done(self) -> bool:
        """Everything is sent."""
        return not self._thread.is_alive()

    def _send(self) -> None:
        began = time.monotonic()
        for number in range(self._count):
            if self._is_stopped:
                break
            # A poll ends early when there is something to tell.
            while (pause := began + number / self._rate - time.monotonic()) > 0:
                self._producer.poll(pause)
            now = time.time()
            self.sent_at.append(now)
            self._producer.produce(self._topic, orjson.dumps(_created(self._first + number, now)), str(number).encode())
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
