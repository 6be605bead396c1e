"""What topics hold and how far jobs have come with them, from the broker alone: offsets, and when records arrived.

A job commits its position to its consumer group when a checkpoint is complete
(https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/connectors/datastream/kafka/#consumer-offset-committing).
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from resources.kafka import failed, settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

Place = tuple[str, int]
"""A topic's partition."""

_SECONDS = 5.0
_NO_TIMESTAMP = -1
# Reading on over so many records is faster than beginning at another place.
_NEAR = 300


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its offset, when it came to the broker (UTC), and its bytes."""

    offset: int
    arrived: datetime | None
    value: bytes | None


class TopicReader:
    """A connection that asks the broker at one address, and disturbs no consumer group."""

    def __init__(self, bootstrap: str, admin: "AdminClient", consumer: "Consumer") -> None:
        self._bootstrap = bootstrap
        self._admin = admin
        self._consumer = consumer

    def places(self, topics: Iterable[str]) -> tuple[Place, ...]:
        """The partitions of these topics, as far as they exist. Raises HeadwaterError when no broker answers."""
        with self._asking("listing the topics"):
            known = self._admin.list_topics(timeout=_SECONDS).topics
        return tuple((topic, number) for topic in topics if topic in known for number in known[topic].partitions)

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset behind each partition's last record."""
        from confluent_kafka.admin._listoffsets import OffsetSpec

        return {place: found.offset for place, found in self._offsets(places, OffsetSpec.latest()).items()}

    def newest(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset of each partition's record with the newest arrival; a partition without a record is left out."""
        from confluent_kafka.admin._listoffsets import OffsetSpec

        found = self._offsets(places, OffsetSpec.max_timestamp())
        return {place: newest.offset for place, newest in found.items() if newest.offset >= 0}

    def positions(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        """The offset that a consumer group goes on from; a partition where it has committed none is left out."""
        from confluent_kafka import ConsumerGroupTopicPartitions

        partitions = [_partition(place) for place in places]
        if not partitions:
            return {}
        with self._asking(f"asking how far {group} has read"):
            asked = [ConsumerGroupTopicPartitions(group, partitions)]
            answer = self._admin.list_consumer_group_offsets(asked, request_timeout=_SECONDS)[group].result()
        return {(found.topic, found.partition): found.offset for found in answer.topic_partitions if found.offset >= 0}

    def records(self, wanted: Iterable[tuple[Place, int]]) -> dict[tuple[Place, int], Record]:
        """For each partition and offset the first record from there on; left out when none comes in time.

        A partition is read at one offset at a time: what lies near comes together, any other takes a round of its own.
        """
        found: dict[tuple[Place, int], Record] = {}
        left: dict[Place, list[int]] = {}
        for place, offset in sorted(set(wanted)):
            left.setdefault(place, []).append(offset)
        while left:
            found |= self._round(left)
            left = {place: offsets for place, offsets in left.items() if offsets}
        return found

    def _round(self, left: Mapping[Place, list[int]]) -> dict[tuple[Place, int], Record]:
        """Read each partition from its first offset on, as long as the next one wanted is near; take those off."""
        from confluent_kafka import KafkaError

        found: dict[tuple[Place, int], Record] = {}
        reading = set(left)
        with self._asking("reading when records arrived"):
            self._consumer.assign([_partition(place, offsets[0]) for place, offsets in left.items()])
            deadline = time.monotonic() + _SECONDS
            while reading and (message := self._consumer.poll(max(deadline - time.monotonic(), 0))) is not None:
                place = (str(message.topic()), int(message.partition() or 0))
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    reading.discard(place)
                    left[place].clear()
                if error is not None or place not in reading:
                    continue
                record, offsets = _record(message), left[place]
                while offsets and offsets[0] <= record.offset:
                    found[place, offsets.pop(0)] = record
                if not offsets or offsets[0] > record.offset + _NEAR:
                    reading.discard(place)
            self._consumer.unassign()
        for place in reading:
            left[place].clear()
        return found

    def _offsets(self, places: Iterable[Place], spec: Any) -> dict[Place, Any]:
        asked = {_partition(place): spec for place in places}
        if not asked:
            return {}
        with self._asking("asking how far the topics reach"):
            answers = self._admin.list_offsets(asked, request_timeout=_SECONDS)
            return {(place.topic, place.partition): answer.result() for place, answer in answers.items()}

    @contextmanager
    def _asking(self, step: str) -> Iterator[None]:
        from confluent_kafka import KafkaException

        try:
            yield
        except KafkaException as error:
            raise failed(self._bootstrap, step, error) from error


@contextmanager
def topic_reader(bootstrap: str) -> Iterator[TopicReader]:
    """A reader that is closed when the block ends. Whether a broker answers shows when it is asked."""
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

    base = settings(bootstrap)
    consumer = Consumer(
        base
        | {
            "group.id": "headwater.lag",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            # What a transaction has not committed is not there yet, for this reader as for the jobs.
            "enable.partition.eof": True,
            # One record of each partition is wanted, not a megabyte.
            "fetch.message.max.bytes": 65536,
            "queued.min.messages": 1,
            # Else it waits a second, its queue being full, before it reads from where it was put next.
            "fetch.queue.backoff.ms": 10,
        }
    )
    try:
        yield TopicReader(bootstrap, AdminClient(base), consumer)
    finally:
        consumer.close()


def _partition(place: Place, offset: int = -1001) -> Any:
    """Without an offset, librdkafka's word for none (RD_KAFKA_OFFSET_INVALID)."""
    from confluent_kafka import TopicPartition

    return TopicPartition(*place, offset)


def _record(message: Any) -> Record:
    _, milliseconds = message.timestamp()
    arrived = None if milliseconds == _NO_TIMESTAMP else datetime.fromtimestamp(milliseconds / 1000, UTC)
    return Record(message.offset(), arrived, message.value())
