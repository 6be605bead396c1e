"""Kafka as the simulator uses it: topics made when missing, records sent in order and once, a restart waited out."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from headwater.model import Topic
from headwater.problem import HeadwaterError
from resources.kafka import create_topics
from simulator.record import FORMATS, TOPICS, Record

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

Delivered = Callable[[int, int], None]


def ensure_topics(bootstrap: str, *, seconds: float = 30) -> None:
    """Make the topics that do not exist, with one partition each; leave the others as they are.

    Raises HeadwaterError, unreachable, when no broker answers within `seconds`.
    """
    create_topics(bootstrap, [Topic(name, FORMATS[name]) for name in TOPICS], seconds=seconds)


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
