"""Kafka as the simulator uses it: topics made when missing, records sent in order and once, a restart waited out."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from headwater.problem import HeadwaterError
from simulator.record import TOPICS, Record

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

Delivered = Callable[[int, int], None]


def ensure_topics(bootstrap: str, topics: Iterable[str] = TOPICS, *, partitions: int = 1, patience: float = 30) -> None:
    """Make the topics that do not exist; leave the others as they are.

    Raises HeadwaterError, unreachable, when no broker answers within `patience` seconds.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        existing = admin.list_topics(timeout=patience).topics
        missing = [NewTopic(topic, num_partitions=partitions) for topic in topics if topic not in existing]
        if not missing:
            return
        for made in admin.create_topics(missing, request_timeout=patience).values():
            try:
                made.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
    except KafkaException as error:
        raise HeadwaterError(
            f"No Kafka broker answers at {bootstrap}: {error.args[0].str()}",
            left="nothing was sent",
            next_command="headwater up, or name a broker: --bootstrap HOST:PORT",
            unreachable=True,
        ) from error


class Sink:
    """Sends records. A broker that goes away is waited for; order is kept and nothing is doubled meanwhile.

    `enable.idempotence` gives both, https://github.com/confluentinc/librdkafka/blob/master/INTRODUCTION.md#idempotent-producer
    """

    def __init__(self, bootstrap: str) -> None:
        from confluent_kafka import Producer

        self._failure: str | None = None
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "batch.num.messages": 20_000,
                "queue.buffering.max.messages": 100_000,
                "message.timeout.ms": 0,  # wait for the broker for as long as it takes
                "reconnect.backoff.max.ms": 2_000,
                "error_cb": self._on_error,
                "log_level": 0,
            }
        )

    def offer(self, record: Record, delivered: Delivered | None = None) -> bool:
        """Queue a record; False when the queue is full, after a tenth of a second in which it did not empty.

        `delivered` is told partition and offset, during a later call.
        Raises HeadwaterError when the producer can no longer guarantee order.
        """
        try:
            # Python is called back once a record only where somebody wants to know: it costs more than sending.
            notify = None if delivered is None else _told(delivered)
            self._producer.produce(record.topic, record.value, record.key, on_delivery=notify)
            return True
        except BufferError:
            self._producer.poll(0.1)
            self._check()
            return False

    def serve(self) -> None:
        """Let waiting callbacks run. Raises HeadwaterError when the producer has failed for good."""
        self._producer.poll(0)
        self._check()

    def flush(self, seconds: float) -> bool:
        """Wait until everything queued is with the broker. False when that took too long; the rest stays queued."""
        left = self._producer.flush(seconds)
        self._check()
        return left == 0

    def _on_error(self, error: "KafkaError") -> None:
        if error.fatal():
            self._failure = error.str()

    def _check(self) -> None:
        if self._failure is not None:
            raise HeadwaterError(
                f"Kafka refused the simulator's producer for good: {self._failure}",
                left="records up to the last flush are on the topics",
                next_command="headwater logs kafka",
                unreachable=True,
            )


def _told(delivered: Delivered) -> Callable[["KafkaError | None", "Message"], None]:
    def callback(error: "KafkaError | None", message: "Message") -> None:
        partition, offset = message.partition(), message.offset()
        if error is None and partition is not None and offset is not None:
            delivered(partition, offset)

    return callback
