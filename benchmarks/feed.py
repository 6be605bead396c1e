"""Topics of the benchmarks' own: filled once with a fixed span of the simulator's orders, removed at the end."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from benchmarks.stand import WAREHOUSE, Tell
from simulator.markets import read_markets
from simulator.record import DISPATCH, DRIVER_STATUS, ORDERS, PRICING
from simulator.replay import ReplaySpan
from simulator.sink import Sink, ensure_topics
from simulator.stream import Disorder, records

FACTS = (ORDERS, PRICING, DISPATCH)
_START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
# A bare job stops for good at some malformed records, so there are none; late and repeated ones stay.
_DISORDER = Disorder(malformed=0)


@contextmanager
def topics(bootstrap: str) -> Iterator[str]:
    """Make the sources' topics under a prefix that nobody else has; give the prefix; remove them at the end."""
    prefix = f"bench-{secrets.token_hex(4)}."
    names = [prefix + topic for topic in (*FACTS, DRIVER_STATUS)]
    ensure_topics(bootstrap, names)
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
    for dropped in admin.delete_consumer_groups([group]).values():
        try:
            dropped.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise


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

    return total


def _admin(bootstrap: str):  # noqa: ANN202
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
