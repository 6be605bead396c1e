"""The Kafka broker: making the topics that sources are declared over, and writing records."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headwater.model import Topic
from headwater.problem import HeadwaterError

_BY_KEY = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: its partitioner decides."""


@dataclass(frozen=True, slots=True)
class Span:
    """Records of one partition of a topic, from the offset `start` to before `end`."""

    topic: str
    partition: int
    start: int
    end: int


class KafkaBroker:
    """The core's `Broker` at one address.

    Args:
        bootstrap: The broker's address.
        seconds: How long it may take to answer.
    """

    def __init__(self, bootstrap: str, *, seconds: float = 10) -> None:
        self._bootstrap = bootstrap
        self._seconds = seconds

    def topics(self) -> frozenset[str]:
        """See Broker.topics."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            admin = AdminClient(settings(self._bootstrap))
            return frozenset(admin.list_topics(timeout=self._seconds).topics)
        except KafkaException as error:
            raise failed(self._bootstrap, "listing the topics", error) from error

    def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """How many partitions each of these topics has; one that is not there is left out."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            admin = AdminClient(settings(self._bootstrap))
            known = admin.list_topics(timeout=self._seconds).topics
        except KafkaException as error:
            raise failed(self._bootstrap, "counting partitions", error) from error
        return {name: len(known[name].partitions) for name in topics if name in known}

    def extents(self, topics: Iterable[str]) -> tuple[Span, ...]:
        """The records of these topics, by partition, from the first one that it still has.

        Raises HeadwaterError when no broker answers, or a topic is not there.
        """
        return self._spans(topics, None, "asking how far the topics reach")

    def committed(self, group: str, spans: Iterable[Span]) -> dict[tuple[str, int], int]:
        """Of each partition of these spans, the offset that a group has committed; without those of which it has none.

        Raises HeadwaterError when no broker answers.
        """
        from confluent_kafka import Consumer, KafkaException
        from confluent_kafka.cimpl import TopicPartition

        consumer = Consumer(settings(self._bootstrap) | {"group.id": group, "enable.auto.commit": False})
        try:
            places = [TopicPartition(span.topic, span.partition) for span in spans]
            found = consumer.committed(places, timeout=self._seconds) if places else []
            return {(place.topic, place.partition): place.offset for place in found if place.offset >= 0}
        except KafkaException as error:
            raise failed(self._bootstrap, "asking what has been read", error) from error
        finally:
            consumer.close()

    def came_since(self, topics: Iterable[str], since: datetime) -> tuple[Span, ...]:
        """The records of these topics, by partition, from the first one on that is not older than this instant.

        Offsets are counted: in a compacted topic, or one with transactions, fewer records are there.

        Raises HeadwaterError when no broker answers, or a topic is not there.
        """
        return self._spans(topics, since, "asking what came since a time")

    def _spans(self, topics: Iterable[str], since: datetime | None, step: str) -> tuple[Span, ...]:
        """Records by partition, to behind the last one.

        By the admin client, which asks the broker for the partitions' leaders itself: a consumer's query fails with
        «unknown partition» where its own view of a loaded broker is still empty.
        """
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient, OffsetSpec  # pyright: ignore[reportPrivateImportUsage]

        begin = OffsetSpec.earliest() if since is None else OffsetSpec.for_timestamp(int(since.timestamp() * 1000))
        try:
            admin = AdminClient(settings(self._bootstrap))
            places = self._partitions_of(admin, topics)
            first = self._offsets(admin, places, begin)
            behind = self._offsets(admin, places, OffsetSpec.latest())
        except KafkaException as error:
            raise failed(self._bootstrap, step, error) from error
        # A negative offset: no record is so new.
        starts = {place: first[place] if first[place] >= 0 else behind[place] for place in places}
        return tuple(Span(*place, starts[place], behind[place]) for place in places)

    def _partitions_of(self, admin: Any, topics: Iterable[str]) -> list[tuple[str, int]]:
        known = admin.list_topics(timeout=self._seconds).topics
        places = []
        for topic in topics:
            if topic not in known:
                raise HeadwaterError(f"Kafka at {self._bootstrap} has no topic {topic}", next_command="headwater apply")
            places += [(topic, number) for number in sorted(known[topic].partitions)]
        return places

    def _offsets(self, admin: Any, places: Collection[tuple[str, int]], spec: Any) -> dict[tuple[str, int], int]:
        from confluent_kafka.cimpl import TopicPartition

        asked = {TopicPartition(*place): spec for place in places}
        answers = admin.list_offsets(asked, request_timeout=self._seconds) if asked else {}
        return {(place.topic, place.partition): future.result().offset for place, future in answers.items()}

    def create(self, topic: Topic) -> None:
        """See Broker.create."""
        create_topics(self._bootstrap, [topic], seconds=self._seconds)


def create_topics(bootstrap: str, topics: Iterable[Topic], *, seconds: float = 30) -> tuple[str, ...]:
    """Make the topics that do not exist, and leave the others as they are; give the names of those made.

    The local broker makes no topic by itself, so that a misspelt name is an error and not a silent empty source.

    Args:
        bootstrap: The broker's address.
        topics: As declared.
        seconds: How long the broker may take to answer.

    Raises:
        HeadwaterError: no broker answers, or it refuses.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient(settings(bootstrap))
    try:
        existing = admin.list_topics(timeout=seconds).topics
        missing = [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                config={"cleanup.policy": "compact"} if topic.compacted else {},
            )
            for topic in topics
            if topic.name not in existing
        ]
        made = admin.create_topics(missing, request_timeout=seconds) if missing else {}
        for creation in made.values():
            try:
                creation.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
    except KafkaException as error:
        raise failed(bootstrap, "making the declared topics", error) from error
    return tuple(made)


@contextmanager
def writer(bootstrap: str) -> Iterator["Writer"]:
    """A writer whose records are all with the broker when the block ends.

    Raises:
        HeadwaterError: a record could not be delivered.
    """
    opened = Writer(bootstrap)
    yield opened
    opened.flush()


class Writer:
    """Writes records in order, each once, also when the broker restarts meanwhile (an idempotent producer)."""

    def __init__(self, bootstrap: str) -> None:
        from confluent_kafka import Producer

        self._bootstrap = bootstrap
        self._failed: Any = None
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 0}
        )

    def write(self, topic: str, value: bytes | None, key: bytes | None = None, *, partition: int | None = None) -> None:
        """Queue a record; waits while the queue is full.

        Args:
            partition: Where it goes; left out, its key decides, or chance.
        """
        place = _BY_KEY if partition is None else partition
        while True:
            try:
                self._producer.produce(topic, value, key, partition=place, on_delivery=self._delivered)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self, seconds: float = 60) -> None:
        """Wait until every queued record is with the broker.

        Raises:
            HeadwaterError: one is not, after `seconds` or for good.
        """
        left = self._producer.flush(seconds)
        if self._failed is not None or left:
            reason = self._failed.str() if self._failed is not None else f"{left} records wait after {seconds:g} s"
            raise HeadwaterError(
                f"Writing to Kafka at {self._bootstrap} failed: {reason}",
                left="records before the failed one are on the topic",
                next_command="headwater logs kafka",
                unreachable=True,
            )

    def _delivered(self, error: Any, _message: Any) -> None:
        self._failed = self._failed or error


def settings(bootstrap: str) -> dict[str, Any]:
    """Of a client that asks once: librdkafka pauses before it connects to a broker it was told of, this one hardly."""
    return {"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.ms": 10}


def failed(bootstrap: str, step: str, error: Exception) -> HeadwaterError:
    """The broker said no, or nothing, at a step."""
    return HeadwaterError(
        f"Kafka at {bootstrap} failed at {step}: {error.args[0].str()}",
        left="topics made before it exist",
        next_command="headwater doctor",
        unreachable=True,
    )
