"""Topics of the benchmarks' own: filled once with a fixed span of the simulator's orders, removed at the end."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from benchmarks.stand import WAREHOUSE, Tell
from headwater.model import Topic
from resources.kafka import create_topics
from simulator.markets import read_markets
from simulator.record import DISPATCH, FORMATS, ORDERS, PRICING, TOPICS
from simulator.replay import ReplaySpan
from simulator.sink import Sink
from simulator.stream import Disorder, records

FACTS = (ORDERS, PRICING, DISPATCH)
Answer = TypeVar("Answer")

_START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
# A bare job stops for good at some malformed records, so there are none; late and repeated ones stay.
_DISORDER = Disorder(malformed=0)


@contextmanager
def topics(bootstrap: str) -> Iterator[str]:
    """Make the sources' topics under a prefix that nobody else has; give the prefix; remove them at the end."""
    prefix = f"bench-{secrets.token_hex(4)}."
    names = [prefix + topic for topic in TOPICS]
    create_topics(bootstrap, [Topic(prefix + topic, FORMATS[topic]) for topic in TOPICS])
    try:
        yield prefix
    finally:
        admin = _admin(bootstrap)  # it must outlive the answers
        for gone in admin.delete_topics(names).values():
            gone.result()


def fill(bootstrap: str, prefix: str, orders: int, tell: Tell) -> int:
    """Write the changes of so many orders, placed within two hours; give the number of records."""
    script, minutes = ReplaySpan(_START, 120, orders, disorder=_DISORDER).script(read_markets(WAREHOUSE))
    sink = Sink(bootstrap)
    sent = 0
    for record in records(script, minutes):
        if record.topic not in FACTS:
            continue
        renamed = replace(record, topic=prefix + record.topic)
        while not sink.offer(renamed):
            pass
        sent += 1
        if sent % 10_000 == 0:
            sink.serve()
        if sent % 100_000 == 0:
            tell(f"{sent:,} records written")
    while not sink.flush(5):
        tell(f"{sent:,} records written; waiting for the broker")
    return sent


def forget_group(bootstrap: str, group: str) -> None:
    """Drop the offsets that an earlier round committed. A group that does not exist is no error."""
    from confluent_kafka import KafkaError, KafkaException

    admin = _admin(bootstrap)

    def drop() -> None:
        try:
            for dropped in admin.delete_consumer_groups([group]).values():
                dropped.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise

    _while_coordinator_loads(drop)


def committed(bootstrap: str, group: str, topic_names: list[str]) -> Callable[[], int]:
    """A function that gives the records committed as read by a group so far, over all these topics.

    Topics have one partition each and begin at offset 0.
    """
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    admin = _admin(bootstrap)
    asked = [ConsumerGroupTopicPartitions(group, [TopicPartition(name, 0) for name in topic_names])]

    def total() -> int:
        answer = admin.list_consumer_group_offsets(asked)[group].result()
        return sum(max(0, partition.offset) for partition in answer.topic_partitions)

    return lambda: _while_coordinator_loads(total)


def _while_coordinator_loads(call: Callable[[], Answer]) -> Answer:
    """Call again for some seconds while the broker has not made up its mind about who keeps the group's offsets.

    https://kafka.apache.org/41/design/protocol/#error-codes
    """
    from confluent_kafka import KafkaError, KafkaException
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

    unsettled = (
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    )

    def is_unsettled(error: BaseException) -> bool:
        return isinstance(error, KafkaException) and error.args[0].code() in unsettled

    retrying = Retrying(
        retry=retry_if_exception(is_unsettled), wait=wait_fixed(0.2), stop=stop_after_delay(30), reraise=True
    )
    return retrying(call)


def _admin(bootstrap: str):  # noqa: ANN202
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
