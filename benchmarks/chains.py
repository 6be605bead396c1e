"""Chains of two jobs each, topic → detail table → measure, that stalls are injected into."""

import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from headwater.model import TableName, Topic, TopicFormat
from resources.kafka import create_topics, writer

EVENTS_PROMISE, COUNTS_PROMISE = timedelta(seconds=15), timedelta(seconds=20)

_ODS = """\
description: Events of chain {number}.
owner: chains
topic: {{name: ods.event_{number}, format: json}}
columns:
  id: {{type: BIGINT, required: true}}
  seen_at: {{type: TIMESTAMP_LTZ(3), required: true}}
event_time: {{column: seen_at}}
"""
_DWD = """\
description: Events of chain {number}.
owner: chains
key: [id]
columns: {{id: {{type: BIGINT}}, seen_at: {{type: TIMESTAMP_LTZ(3)}}}}
freshness: {{fail_after: {promise}s}}
job: {{checkpoint_interval: 2s}}
"""
_DM = """\
description: Counts of chain {number}.
owner: chains
key: [grp]
columns: {{grp: {{type: BIGINT}}, events: {{type: BIGINT}}}}
freshness: {{fail_after: {promise}s}}
job: {{checkpoint_interval: 2s}}
"""
_COUNTS = "SELECT MOD(id, 3) AS grp, COUNT(*) AS events FROM {events} GROUP BY MOD(id, 3)\n"
_ALERTS = "resolve_after: 15s\nrepeat_every: never\n"


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain's tables."""

    number: int

    @property
    def topic(self) -> str:
        return f"ods.event_{self.number}"

    @property
    def tables(self) -> tuple[TableName, TableName]:
        """The detail table and the measure over it."""
        return TableName.parse(f"dwd.events_{self.number}"), TableName.parse(f"dm.counts_{self.number}")


def write_chains(folder: Path, count: int) -> tuple[Chain, ...]:
    """Write a warehouse of chains, with the alerts' defaults but for when they are over."""
    chains = tuple(Chain(number) for number in range(count))
    for chain in chains:
        events, counts = chain.tables
        files = {
            f"ods/event_{chain.number}/table.yaml": _ODS.format(number=chain.number),
            f"dwd/{events.table}/table.yaml": _DWD.format(number=chain.number, promise=EVENTS_PROMISE.seconds),
            f"dwd/{events.table}/select.sql": f"SELECT id, seen_at FROM ods.event_{chain.number}\n",
            f"dm/{counts.table}/table.yaml": _DM.format(number=chain.number, promise=COUNTS_PROMISE.seconds),
            f"dm/{counts.table}/select.sql": _COUNTS.format(events=events),
            "alerts.yaml": _ALERTS,
        }
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return chains


class Traffic:
    """Sends events into every chain, in a thread, until the block ends: quiet for a while, then bursts."""

    def __init__(self, kafka: str, chains: Sequence[Chain], seed: int) -> None:
        self._kafka = kafka
        self._chains = chains
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self._steady = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> "Traffic":
        create_topics(self._kafka, [Topic(chain.topic, TopicFormat.JSON) for chain in self._chains])
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(30)

    def steady(self, on: bool) -> None:
        """Some events a second into every chain, so that a stall is one at once; or pauses and bursts."""
        (self._steady.set if on else self._steady.clear)()

    def _send(self) -> None:
        number = 0
        silent_until = dict.fromkeys(self._chains, 0.0)
        with writer(self._kafka) as opened:
            while not self._ended.is_set():
                for chain in self._chains:
                    for _ in range(self._due(chain, silent_until)):
                        number += 1
                        opened.write(chain.topic, _event(number))
                self._ended.wait(1)

    def _due(self, chain: Chain, silent_until: dict[Chain, float]) -> int:
        """Events to send now; after a burst there are none for up to two minutes."""
        if self._steady.is_set():
            return 2
        if time.monotonic() < silent_until[chain]:
            return 0
        if self._random.random() > 0.05:
            return 2
        silent_until[chain] = time.monotonic() + self._random.uniform(5, 120)
        return self._random.randint(500, 5_000)


def _event(number: int) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"id": number, "seen_at": now}).encode()
